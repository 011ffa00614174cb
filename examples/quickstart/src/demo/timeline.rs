//! The live timeline: one line an event, a bar for the steps.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use dfsn_types::{Address, Amount, Attempt, Boundary, Event, Fault, RefundReason, ResultCommitment};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::report::Balance;
use crate::error::DemoError;

/// Prints what happens, and remembers what the report needs.
#[derive(Debug)]
pub(super) struct Timeline {
    names: Vec<(char, Address)>,
    start: Instant,
    requested: Option<Instant>,
    settled_after: Option<Duration>,
    bar: Option<ProgressBar>,
    slashes: Vec<Slash>,
    audits: Vec<Audit>,
}

/// A penalty, for the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Slash {
    validator: Address,
    fault: Fault,
    attempt: Attempt,
    amount: Amount,
}

/// An audit, for the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Audit {
    auditor: Address,
    role: dfsn_types::Role,
    attempt: Attempt,
    outcome: &'static str,
}

impl Timeline {
    /// Starts now.
    pub(super) fn new(names: Vec<(char, Address)>) -> Self {
        let start = Instant::now();
        Self {
            names,
            start,
            requested: None,
            settled_after: None,
            bar: None,
            slashes: Vec::new(),
            audits: Vec::new(),
        }
    }

    /// Penalties so far.
    pub(super) fn slashes(&self) -> &[Slash] {
        &self.slashes
    }

    /// Audits so far.
    pub(super) fn audits(&self) -> &[Audit] {
        &self.audits
    }

    /// Real time from the request in a block to its settlement.
    pub(super) const fn settled_after(&self) -> Option<Duration> {
        self.settled_after
    }

    /// One line.
    pub(super) fn note(&mut self, what: &str, text: &str) -> Result<(), DemoError> {
        self.finish_bar();
        let seconds = self.start.elapsed().as_secs_f64();
        writeln!(std::io::stdout(), "{seconds:7.2} s  {what:<12} {text}").map_err(DemoError::Print)
    }

    /// A worker's step.
    pub(super) fn progress(
        &mut self,
        attempt: Attempt,
        image: u8,
        step: u16,
        steps: u16,
    ) -> Result<(), DemoError> {
        let number = u32::from(image) + 1;
        if std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| new_bar(u64::from(steps)));
            bar.set_message(format!("picture {number}"));
            bar.set_position(u64::from(step));
        } else if step == steps {
            self.note("steps", &format!("attempt {attempt}, picture {number}: step {step} of {steps}"))?;
        }
        Ok(())
    }

    /// An event of the job.
    pub(super) fn event(&mut self, event: &Event) -> Result<(), DemoError> {
        self.remember(event);
        let (what, text) = match event {
            Event::JobRequested { price, .. } => {
                self.requested = Some(Instant::now());
                ("escrow", format!("{price} held until the job is settled or refunded"))
            }
            Event::JobDrawn { attempt, worker, .. } => {
                ("assigned", format!("attempt {attempt}: the beacon drew {}", self.name(worker)))
            }
            Event::JobPassedOver { worker, .. } => {
                ("passed over", format!("{} let its turn pass", self.name(worker)))
            }
            Event::JobAccepted { worker, collateral, .. } => {
                ("accepted", format!("{} locks {collateral} of stake", self.name(worker)))
            }
            Event::JobCommitted { worker, commitment, .. } if commitment.failed().is_some() => {
                ("committed", format!("{}: {}", self.name(worker), failure(commitment)))
            }
            Event::JobCommitted { worker, commitment, .. } => {
                ("committed", format!("{}, trace root {}", self.name(worker), commitment.trace_root))
            }
            Event::AuditClaimed { auditor, role, .. } => (
                "claimed",
                format!("{} proves that it was drawn as {}", self.name(auditor), role_name(*role)),
            ),
            Event::AuditAnswered { auditor, role, .. } => {
                ("answered", format!("{} as {}, blind to the others", self.name(auditor), role_name(*role)))
            }
            Event::AuditOpened { answers, .. } => (
                "audited",
                format!(
                    "the worker opened its trace, as {} answered",
                    count(usize::from(*answers), "auditor")
                ),
            ),
            Event::Contested { answer, .. } => (
                "contested",
                format!("the worker denies answer {} of {}", answer.question, self.name(&answer.auditor)),
            ),
            Event::RootsPosted { tensors, .. } => (
                "roots",
                format!("the worker shows the roots of {tensors} tensors that its state follows from"),
            ),
            Event::TensorDemanded { by, tensor, .. } => {
                ("demanded", format!("{} wants to see a part of tensor {tensor}", self.name(by)))
            }
            Event::TensorPosted { tensor, .. } => {
                ("shown", format!("the worker shows it of tensor {tensor}"))
            }
            Event::FaultProven { by, tensor, element, .. } => (
                "proven",
                format!("{} shows that element {element} of tensor {tensor} does not follow", self.name(by)),
            ),
            Event::JuryCalled { .. } => {
                ("jury", "the auditor differs in what the state follows from".to_owned())
            }
            Event::Tombstoned { validator } => {
                ("tombstoned", format!("{} contradicted itself: it works no more", self.name(validator)))
            }
            Event::WitnessesDrawn { witnesses, .. } => {
                ("witnesses", format!("{} are asked for the pictures", count(witnesses.len(), "validator")))
            }
            Event::Stored { witness, .. } => ("stored", format!("{} has the pictures", self.name(witness))),
            Event::JuryHung { worker_paid, burned, .. } => {
                ("hung jury", format!("no majority: {worker_paid} to the worker, {burned} burned"))
            }
            Event::Judged { worker_right, .. } => {
                ("judged", format!("the {} was right", if *worker_right { "worker" } else { "auditor" }))
            }
            Event::Slashed { validator, fault, amount, .. } => {
                ("slashed", format!("{} loses {amount} for {}", self.name(validator), fault_name(*fault)))
            }
            Event::HoldPaid { validator, paid, burned, .. } => (
                "penalty",
                format!("of {}: {paid} to those who were right, {burned} burned", self.name(validator)),
            ),
            Event::AttemptFailed { attempt, fault, .. } => {
                ("failed", format!("attempt {attempt} ended with {}", fault_name(*fault)))
            }
            Event::Delivered { .. } => ("delivered", "the pictures have arrived".to_owned()),
            Event::JobSettled { worker, worker_paid, auditors_paid, .. } => {
                ("settled", format!("{} earns {worker_paid}, auditors {auditors_paid}", self.name(worker)))
            }
            Event::JobRefunded { amount, reason, .. } => {
                ("refunded", format!("{amount} back to the user: {}", reason_name(*reason)))
            }
            _ => return Ok(()),
        };
        self.note(what, &text)
    }

    fn remember(&mut self, event: &Event) {
        match event {
            Event::Slashed { attempt, validator, fault, amount, .. } => {
                self.slashes.push(Slash {
                    validator: *validator,
                    fault: *fault,
                    attempt: *attempt,
                    amount: *amount,
                });
                if matches!(fault, Fault::WrongAnswer | Fault::MissingAnswer) {
                    self.conclude(|audit| audit.auditor == *validator, "wrong");
                }
            }
            Event::AuditClaimed { attempt, auditor, role, .. } => {
                self.audits.push(Audit {
                    auditor: *auditor,
                    role: *role,
                    attempt: *attempt,
                    outcome: "open",
                });
            }
            Event::AuditOpened { .. } => self.conclude(|_| true, "agrees"),
            Event::Judged { worker_right: false, .. } => self.conclude(|_| true, "attempt ended"),
            Event::AttemptFailed { .. } => self.conclude(|_| true, "attempt ended"),
            Event::JobSettled { .. } | Event::JobRefunded { .. } => {
                self.settled_after = self.requested.map(|start| start.elapsed())
            }
            _ => {}
        }
    }

    fn conclude(&mut self, which: impl Fn(&Audit) -> bool, outcome: &'static str) {
        for audit in self.audits.iter_mut().filter(|audit| audit.outcome == "open" && which(audit)) {
            audit.outcome = outcome;
        }
    }

    /// Who gained and who lost.
    pub(super) fn balances(&mut self, before: &[Balance], after: &[Balance]) -> Result<(), DemoError> {
        for (before, after) in before.iter().zip(after) {
            let total = |balance: &Balance| {
                balance.account.balance.checked_add(balance.account.stake).unwrap_or_default()
            };
            let (from, to) = (total(before), total(after));
            let change = if to >= from {
                format!("+{}", to.saturating_sub(from))
            } else {
                format!("-{}", from.saturating_sub(to))
            };
            self.note("balance", &format!("{:<12} {from} -> {to} ({change})", before.name))?;
        }
        Ok(())
    }

    fn name(&self, address: &Address) -> String {
        let known = self.names.iter().find(|(_, known)| known == address);
        known.map_or_else(|| address.to_string(), |(name, _)| format!("validator {name}"))
    }

    fn finish_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("           {msg} {bar:32} step {pos} of {len}");
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A number of things, in words.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

const fn role_name(role: dfsn_types::Role) -> &'static str {
    match role {
        dfsn_types::Role::Auditor => "auditor",
        dfsn_types::Role::Juror => "juror",
    }
}

const fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::MissedDeadline => "a missed deadline",
        Fault::WrongResult => "a wrong result",
        Fault::Silence => "silence",
        Fault::BaselessContest => "a baseless contest",
        Fault::WrongAnswer => "a wrong answer",
        Fault::MissingAnswer => "a missing answer",
        Fault::EarlyOpening => "an answer given away",
        Fault::Contradiction => "a contradiction",
        _ => "a fault",
    }
}

/// Where the first image that failed did.
fn failure(commitment: &ResultCommitment) -> String {
    let failed = commitment.failed().unwrap_or(Boundary { image: 0, t: 0 });
    format!("image {} fails at boundary {}, as every machine would find", failed.image, failed.t)
}

const fn reason_name(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Expired => "no worker took it in time (three validators are too few to audit a fourth)",
        RefundReason::PushedOut => "better-paying requests filled the queue",
        RefundReason::AttemptsFailed => "no attempt is left",
        RefundReason::Undelivered => "the pictures did not arrive",
        RefundReason::Failed => {
            "a number of the picture is not finite, on every machine; try another seed, a lower guidance or another model"
        }
        _ => "it could not be served",
    }
}
