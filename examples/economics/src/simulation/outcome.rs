//! What came out of a run: tables and the lines of the plot.

use std::collections::BTreeMap;

use super::validator::{Books, Validator};
use super::{Strategy, Totals};
use crate::cli::{Args, Profile};
use crate::table::Table;

/// Average balances of one strategy, in DFSN, by number of jobs played.
pub(crate) type Line = Vec<(u32, f64)>;

/// The result of a simulation.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// By strategy.
    pub(crate) lines: BTreeMap<Strategy, Line>,
    /// What was simulated, in a line.
    pub(crate) title: String,
    validators: Vec<Validator>,
    totals: Totals,
}

impl Outcome {
    pub(super) fn new(
        validators: Vec<Validator>,
        totals: Totals,
        lines: BTreeMap<Strategy, Line>,
        args: &Args,
    ) -> Self {
        let profile = match args.profile {
            Profile::Exact => "exact",
            Profile::Float => "float",
        };
        let start = if args.newcomers { ", newcomers" } else { "" };
        let title = format!(
            "{} jobs, {} validators, {profile} profile{start}, seed {}",
            args.jobs, args.validators, args.seed
        );
        Self { lines, title, validators, totals }
    }

    /// Who has won and lost, and what became of the jobs.
    pub(crate) fn tables(&self) -> Vec<Table> {
        vec![self.winners(), self.jobs()]
    }

    fn winners(&self) -> Table {
        let heads = [
            "strategy",
            "role",
            "validators",
            "out",
            "jobs",
            "audits",
            "work",
            "audit pay",
            "rewards",
            "costs",
            "penalties",
            "balance",
            "against honest",
        ];
        let mut table = Table::new(format!("Who wins, in DFSN a validator: {}", self.title), 2, &heads);
        let honest = self.average(Strategy::Honest).balance();
        for strategy in Strategy::ALL {
            let count = self.of(strategy).count() as f64;
            let books = self.average(strategy);
            let out = self.of(strategy).filter(|one| one.out).count();
            let mut row = vec![
                strategy.name().to_owned(),
                strategy.role().to_owned(),
                count.to_string(),
                out.to_string(),
            ];
            row.extend([books.jobs, books.audits].map(|number| number.to_string()));
            let money =
                [books.work, books.audit, books.rewards, books.costs, books.penalties, books.balance()];
            row.extend(money.map(coins));
            row.push(coins(books.balance() - honest));
            table.row(row);
        }
        table.remark("Jobs and audits are totals. \"Out\" are tombstoned or left without the least stake.");
        table
    }

    fn jobs(&self) -> Table {
        let Totals { right, wrong, refunded, hung, unserved, burned, builders } = self.totals;
        let mut table = Table::new("What became of the jobs", 1, &["what", "number"]);
        let counts = [
            ("right pictures paid", right),
            ("wrong pictures paid", wrong),
            ("refunded", refunded),
            ("hung juries", hung),
            ("not served", unserved),
        ];
        for (what, number) in counts {
            table.row(vec![what.to_owned(), number.to_string()]);
        }
        table.row(vec!["burned, DFSN".to_owned(), coins(burned)]);
        table.row(vec!["paid to builders, DFSN".to_owned(), coins(builders)]);
        table
    }

    fn of(&self, strategy: Strategy) -> impl Iterator<Item = &Validator> {
        self.validators.iter().filter(move |one| one.strategy == strategy)
    }

    /// Money a validator; jobs and audits of all.
    fn average(&self, strategy: Strategy) -> Books {
        let mut sum = Books::default();
        self.of(strategy).for_each(|one| sum.add(&one.books));
        let count = self.of(strategy).count().max(1) as f64;
        let each = |money: f64| money / count;
        Books {
            work: each(sum.work),
            audit: each(sum.audit),
            rewards: each(sum.rewards),
            costs: each(sum.costs),
            penalties: each(sum.penalties),
            ..sum
        }
    }
}

/// Two decimals, and no minus before nothing.
fn coins(money: f64) -> String {
    let text = format!("{money:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}
