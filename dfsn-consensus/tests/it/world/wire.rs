//! What lies between the machines: messages are lost, late, doubled and out of order.

use std::sync::Arc;

use dfsn_types::{SignedDuty, SignedTransaction};

use super::dice::Dice;

/// What validators and users send to every full node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Duty(SignedDuty),
    Transaction(SignedTransaction),
}

/// Chances of a message to one node, in a hundred.
const LOST: u64 = 25;
const DOUBLED: u64 = 10;
const LATE: u64 = 30;
/// Rounds that a late message is late, at most.
const DELAY_MAX: u64 = 6;
/// Messages that an adversary remembers, to send them again.
const REMEMBERED: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Wire {
    on_the_way: Vec<Parcel>,
    remembered: Vec<Arc<Message>>,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
}

#[derive(Debug)]
struct Parcel {
    at: u64,
    to: usize,
    message: Arc<Message>,
}

impl Wire {
    /// Sends a message to all of so many nodes; it may arrive in this round or later, once, twice or never.
    pub(crate) fn send(&mut self, dice: &mut Dice, round: u64, nodes: usize, message: &Message) {
        let message = Arc::new(message.clone());
        for to in 0..nodes {
            if dice.percent(LOST) {
                self.lost += 1;
                continue;
            }
            self.on_the_way.push(Parcel { at: round + delay(dice), to, message: Arc::clone(&message) });
            if dice.percent(DOUBLED) {
                self.doubled += 1;
                self.on_the_way.push(Parcel { at: round + delay(dice), to, message: Arc::clone(&message) });
            }
        }
        if self.remembered.len() < REMEMBERED {
            self.remembered.push(message);
        } else {
            let place = dice.place(REMEMBERED);
            self.remembered[place] = message;
        }
    }

    /// An adversary sends something old again.
    pub(crate) fn replay(&mut self, dice: &mut Dice, round: u64, nodes: usize) {
        if !self.remembered.is_empty() {
            let message = Arc::clone(&self.remembered[dice.place(self.remembered.len())]);
            self.on_the_way.push(Parcel { at: round, to: dice.place(nodes), message });
        }
    }

    /// What arrives in this round, in no order.
    pub(crate) fn arrivals(&mut self, dice: &mut Dice, round: u64) -> Vec<(usize, Arc<Message>)> {
        let (due, later) =
            core::mem::take(&mut self.on_the_way).into_iter().partition(|parcel| parcel.at <= round);
        self.on_the_way = later;
        let mut arrived: Vec<_> =
            Vec::<Parcel>::into_iter(due).map(|parcel| (parcel.to, parcel.message)).collect();
        dice.shuffle(&mut arrived);
        arrived
    }
}

const fn delay(dice: &mut Dice) -> u64 {
    if dice.percent(LATE) { 1 + dice.below(DELAY_MAX) } else { 0 }
}
