//! The tables that are computed, not simulated.

use dfsn_consensus::economics::{
    Assumptions, Balance, Case, Cheat, Demand, Fixed, Role, Scenario, Verdict, Workload, demanded_state,
    flood, stuffed_blocks, table_shares,
};
use dfsn_types::{Amount, ConsensusParams};

use crate::error::EconomicsError;
use crate::table::Table;

/// Latents of Stable Diffusion 1.5 at 512x512.
const STATE_BYTES: u64 = 65_536;
/// The least margin that is accepted.
const MARGIN_MIN: Fixed = Fixed::whole(2);

/// All tables for jobs of Stable Diffusion 1.5 with these numbers of steps.
pub(crate) fn tables(params: &ConsensusParams, steps: &[u16]) -> Vec<Table> {
    let mut tables = Vec::new();
    for verdict in [Verdict::Arithmetic, Verdict::Jury] {
        tables.extend(steps.iter().map(|steps| margins(params, verdict, *steps)));
    }
    for verdict in [Verdict::Arithmetic, Verdict::Jury] {
        tables.extend(steps.first().map(|steps| scenarios(params, verdict, *steps)));
    }
    tables.push(honest(params));
    tables.push(limits(params));
    tables.push(witnesses(params));
    tables.push(costs(params, steps.first().copied().unwrap_or(50)));
    tables
}

/// Whether every cheat of an exact profile loses twice what it gains when two thirds collude.
///
/// # Errors
/// [`EconomicsError::Margin`] with those that do not.
pub(crate) fn verdict(params: &ConsensusParams, steps: &[u16]) -> Result<(), EconomicsError> {
    let mut paying = Vec::new();
    for steps in steps {
        let case = case(params, Verdict::Arithmetic, *steps, Fixed::ratio(2, 3));
        for cheat in Cheat::all(&case.work) {
            if let Some(margin) = case.cheat(&cheat).margin().filter(|margin| *margin < MARGIN_MIN) {
                paying.push(format!("{} of {steps} steps has a margin of {margin:.2}", cheat.name));
            }
        }
    }
    if paying.is_empty() { Ok(()) } else { Err(EconomicsError::Margin(paying.join(", "))) }
}

fn case(params: &ConsensusParams, verdict: Verdict, steps: u16, colluding: Fixed) -> Case<'_> {
    let assumptions = Assumptions { colluding, ..Assumptions::default() };
    Case { params, verdict, work: Workload::stable_diffusion_15(steps), assumptions }
}

fn profile(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Arithmetic => "exact",
        Verdict::Jury => "float",
    }
}

/// Expected loss over gain of every cheat of a worker, by colluding share.
fn margins(params: &ConsensusParams, verdict: Verdict, steps: u16) -> Table {
    let title = format!("Margins of a worker's cheats: {} profile, {steps} steps", profile(verdict));
    let mut table = Table::new(title, 1, &["cheat", "one claim finds it", "rho 1/3", "rho 1/2", "rho 2/3"]);
    let cases = table_shares().map(|colluding| case(params, verdict, steps, colluding));
    for cheat in Cheat::all(&cases[0].work) {
        let found = dfsn_consensus::economics::detection(&cases[0].work, &cheat.fakes);
        let mut row = vec![cheat.name.to_owned(), format!("{found:.4}")];
        row.extend(cases.iter().map(|case| margin(&case.cheat(&cheat))));
        table.row(row);
    }
    let most = cases[0].colluding_max().map_or("none".to_owned(), |share| format!("{share:.2}"));
    table.remark(format!(
        "Every way of misbehaving that must lose twice its gain does up to rho = {most}. Audits cost {:.1} % of a job's work.",
        cases[0].audit_work().times(Fixed::whole(100))
    ));
    table
}

fn margin(balance: &Balance) -> String {
    balance.margin().map_or_else(|| "no gain".to_owned(), |margin| format!("{margin:.1}"))
}

/// Everything by name, in prices, with two thirds colluding in exact profiles and a third in others.
fn scenarios(params: &ConsensusParams, verdict: Verdict, steps: u16) -> Table {
    let (share, colluding) = match verdict {
        Verdict::Arithmetic => ("2/3", Fixed::ratio(2, 3)),
        Verdict::Jury => ("1/3", Fixed::ratio(1, 3)),
    };
    let title = format!(
        "What misbehaving gains and loses: {} profile, {steps} steps, rho {share}, in prices of the job",
        profile(verdict)
    );
    let mut table =
        Table::new(title, 2, &["what", "who", "gain", "expected loss", "margin", "at least", "holds"]);
    let holds = |scenario: &Scenario| if scenario.holds() { "yes" } else { "no" };
    for scenario in case(params, verdict, steps, colluding).scenarios() {
        let role = match scenario.role {
            Role::Worker => "worker",
            Role::Auditor => "auditor",
            Role::Requester => "requester",
        };
        let demand = match scenario.demand {
            Demand::Twice => "2.0",
            Demand::Loses => "1.0",
        };
        let Balance { gain, loss } = scenario.balance;
        table.row(vec![
            scenario.name.to_owned(),
            role.to_owned(),
            format!("{gain:.4}"),
            format!("{loss:.4}"),
            margin(&scenario.balance),
            demand.to_owned(),
            holds(&scenario).to_owned(),
        ]);
    }
    table
}

/// Whether honest work pays, where it may not.
fn honest(params: &ConsensusParams) -> Table {
    let heads = [
        "profile",
        "steps",
        "first jobs",
        "later",
        "laid out",
        "back after",
        "auditor",
        "auditor, first jobs",
    ];
    let mut table = Table::new("Costs of a job, in its price, up to which honest work pays", 1, &heads);
    for verdict in [Verdict::Arithmetic, Verdict::Jury] {
        for steps in [1, 2, 3, 4, 8, 10, 20, 30, 50, 100] {
            let later = case(params, verdict, steps, Fixed::ZERO);
            let first = Case { assumptions: Assumptions { clean_jobs: 0, ..later.assumptions }, ..later };
            let back = later.jobs_to_break_even().map_or("never".to_owned(), |jobs| jobs.to_string());
            table.row(vec![
                profile(verdict).to_owned(),
                steps.to_string(),
                format!("{:.2}", first.worker_breaks_even_at()),
                format!("{:.2}", later.worker_breaks_even_at()),
                format!("{:.1}", Fixed::ZERO.minus(later.entry_cost())),
                back,
                format!("{:.2}", later.auditor_breaks_even_at()),
                format!("{:.2}", first.auditor_breaks_even_at()),
            ]);
        }
    }
    table.remark(
        "At the assumed cost of 0.75 a figure below 0.75 is a loss. \"First jobs\" are those of the ramp; \"laid out\" is what a new worker \
         loses before audits become rare, in prices, and \"back after\" the jobs until it has that back.",
    );
    table
}

/// How far the rules carry, and what an honest participant can bear.
fn limits(params: &ConsensusParams) -> Table {
    let heads = [
        "profile",
        "steps",
        "rho up to",
        "deadlines missed, %",
        "false hints, %",
        "seat in a jury",
        "bribe",
        "buys",
    ];
    let mut table = Table::new("Limits", 1, &heads);
    let percent = |share: Fixed| format!("{:.2}", share.times(Fixed::whole(100)));
    for verdict in [Verdict::Arithmetic, Verdict::Jury] {
        for steps in [1, 2, 4, 8, 20, 50, 100] {
            let case = case(params, verdict, steps, Fixed::ratio(1, 3));
            let only = |profile, text: String| if verdict == profile { text } else { "-".to_owned() };
            table.row(vec![
                profile(verdict).to_owned(),
                steps.to_string(),
                case.colluding_max().map_or("never".to_owned(), |share| format!("{share:.2}")),
                percent(case.misses_affordable()),
                percent(case.traps_needed()),
                only(Verdict::Jury, format!("{:.2}", case.juror_profit())),
                only(Verdict::Arithmetic, format!("{:.1}", case.bribe().price_of_each)),
                only(Verdict::Arithmetic, case.bribe().affordable().to_string()),
            ]);
        }
    }
    let worth = case(params, Verdict::Arithmetic, 50, Fixed::ZERO).bribe().worth;
    table.remark(format!(
        "Colluding share up to which all that must lose twice its gain does; accepted jobs that a worker may miss before it earns nothing; \
         false hints of workers that make asking them a loss; what a seat in a jury over a fake earns an honest juror at rho 1/3, in prices; \
         what one claimant who found a fake must be bribed with, in prices, and how many a worker can pay, to whom silence of all is worth {worth:.1}."
    ));
    table
}

/// Deliveries without a receipt.
fn witnesses(params: &ConsensusParams) -> Table {
    let mut table = Table::new("Witnesses", 1, &["rho", "denied, %", "forged, %"]);
    let percent = |share: Fixed| format!("{:.1}", share.times(Fixed::whole(100)));
    for (name, colluding) in ["1/3", "1/2", "2/3"].into_iter().zip(table_shares()) {
        let case = case(params, Verdict::Arithmetic, 20, colluding);
        table.row(vec![name.to_owned(), percent(case.denied_delivery()), percent(case.forged_delivery())]);
    }
    table.remark(
        "Pictures that an honest worker delivers and that count as undelivered when their requester sends no receipt; pictures that a worker keeps \
         and that count as delivered.",
    );
    table
}

/// What it costs to be a nuisance, in coins.
fn costs(params: &ConsensusParams, steps: u16) -> Table {
    let mut table = Table::new("What a nuisance costs", 1, &["what", "DFSN"]);
    let flood = flood(params);
    let mut row = |what: String, amount: Amount| table.row(vec![what, coins(amount)]);
    row("a place in a queue at a price that no worker takes, until it expires".to_owned(), flood.slot);
    row(
        format!("a whole queue of such requests for an hour, from {} accounts", flood.accounts),
        flood.queue_hour,
    );
    let state = demanded_state(params, STATE_BYTES);
    row(
        "a state of 64 KiB that a worker shows on chain only: paid by the auditor, earned by the worker"
            .to_owned(),
        state,
    );
    for blocks in [12, 60] {
        row(format!("{blocks} full blocks in a row"), stuffed_blocks(params, blocks));
    }
    let price = params.economics.price_min;
    let case = case(params, Verdict::Arithmetic, steps, Fixed::ratio(2, 3));
    let ring = case.self_made_job(price, Fixed::ZERO);
    let (climb, jobs) = case.self_made_ramp(price, Fixed::ZERO);
    let part = |share: Fixed| {
        let parts = u128::try_from(share.parts()).unwrap_or(0);
        Amount::from_base_units(price.base_units() / 1_000_000_000_000 * parts)
    };
    row("a job for oneself at the lowest price, work not counted".to_owned(), part(ring));
    row(format!("{jobs} such jobs, which bring a new worker's audits down to the floor"), part(climb));
    table
}

fn coins(amount: Amount) -> String {
    let parts = amount.base_units() / 100_000_000_000_000;
    format!("{}.{:04}", parts / 10_000, parts % 10_000)
}
