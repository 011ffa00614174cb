//! The chance that the questions of one claim hit a fake: exact, over the distribution of
//! [`draw_questions`](crate::sortition::draw_questions) (rule AUD-05).
//!
//! In a quarter of the draws the last step `N` is asked, else the decoder. The other steps come from the candidates `1..=n`:
//! `n = N - 1` with the decoder, `n = N - 2` with step `N`, which takes its neighbour away. Below ten steps one candidate is
//! asked, each with chance `1/n`. From ten on two are: the first with chance `1/n`, the second among those not next to it, of
//! which there are `n - 2` behind a candidate at either end and `n - 3` behind any other. With `H` the honest candidates and
//! `h` their number, both are honest with chance `sum over i in H of (h - 1 - neighbours of i in H) / (n * (n - 2 or 3))`.
//! So honest steps that stand apart hide fakes best, and a walk over the candidates that knows how many were honest so far and
//! whether the last one was finds the best place for any number of fakes.

use core::iter;

use super::{Fakes, Fixed, Place, Workload};

/// The chance that one honest claim on a request hits a fake.
pub fn detection(work: &Workload, fakes: &Fakes) -> Fixed {
    let images = fakes.images.min(work.images);
    let looked_at = Fixed::ratio(u128::from(images), u128::from(work.images));
    if fakes.initial {
        return looked_at;
    }
    let picture = Picture::new(work.steps, fakes.decoder);
    let faked = fakes.steps.min(work.steps);
    let missed = match fakes.place {
        Place::Best => picture.most_missed(faked),
        Place::Last => picture.missed(|t| t <= work.steps.saturating_sub(faked)),
    };
    looked_at.times(picture.chance(missed).complement())
}

/// One kind of draw: its candidates are the steps `1..=n`.
#[derive(Clone, Copy, Debug)]
struct Draw {
    n: i128,
    two: bool,
}

impl Draw {
    /// What chances of this draw are multiples of: `1 / whole`.
    fn whole(self) -> i128 {
        if self.two {
            let (behind_end, behind_other) = (self.n.saturating_sub(2), self.n.saturating_sub(3));
            self.n.saturating_mul(behind_end).saturating_mul(behind_other)
        } else {
            self.n.max(1)
        }
    }

    /// Chance of `t` as the first of two and one certain other as the second.
    fn pair(self, t: u16) -> i128 {
        let t = i128::from(t);
        self.n.saturating_sub(if t == 1 || t == self.n { 3 } else { 2 })
    }

    fn has(self, t: u16) -> bool {
        t >= 1 && i128::from(t) <= self.n
    }

    /// What an honest step `t` among `honest` honest candidates adds to the chance that only honest ones are asked, ...
    fn alone(self, t: u16, honest: i128) -> i128 {
        match (self.has(t), self.two) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => self.pair(t).saturating_mul(honest.saturating_sub(1)),
        }
    }

    /// ... and what it takes away when `t - 1` is honest too: these two are never asked together.
    fn beside(self, t: u16) -> i128 {
        if !self.two || !self.has(t) {
            return 0;
        }
        self.pair(t.saturating_sub(1)).saturating_add(self.pair(t))
    }

    /// Chance that only honest steps are asked where nothing is asked.
    fn nothing_asked(self) -> i128 {
        if self.n <= 0 { self.whole() } else { 0 }
    }
}

/// The questions about one picture: with the decoder, and with step `N` instead.
#[derive(Clone, Copy, Debug)]
struct Picture {
    steps: u16,
    decoder_faked: bool,
    decoded: Draw,
    stepped: Draw,
}

impl Picture {
    fn new(steps: u16, decoder_faked: bool) -> Self {
        let two = steps >= 10;
        let draw = |less: u16| Draw { n: i128::from(steps.saturating_sub(less)), two };
        Self { steps, decoder_faked, decoded: draw(1), stepped: draw(2) }
    }

    /// A number of the sums below as a chance.
    fn chance(&self, sum: i128) -> Fixed {
        let whole = self.decoded.whole().saturating_mul(self.stepped.whole()).saturating_mul(4);
        Fixed::ratio(sum.max(0).unsigned_abs(), whole.unsigned_abs())
    }

    /// The weight of the draws with the decoder and of those with step `N`; a fake there is always hit.
    fn weights(&self, last_honest: bool) -> (i128, i128) {
        let decoded = if self.decoder_faked { 0 } else { self.stepped.whole().saturating_mul(3) };
        (decoded, if last_honest { self.decoded.whole() } else { 0 })
    }

    /// Chance that fakes are missed when the steps are honest that `honest` says are.
    fn missed(&self, honest: impl Fn(u16) -> bool) -> i128 {
        let (decoded, stepped) = self.weights(honest(self.steps));
        let of = |draw: Draw| {
            let count = (1..self.steps)
                .filter(|t| draw.has(*t) && honest(*t))
                .fold(0i128, |n, _| n.saturating_add(1));
            (1..self.steps).filter(|t| honest(*t)).fold(draw.nothing_asked(), |sum, t| {
                let beside = if t > 1 && honest(t.saturating_sub(1)) { draw.beside(t) } else { 0 };
                sum.saturating_add(draw.alone(t, count)).saturating_sub(beside)
            })
        };
        decoded.saturating_mul(of(self.decoded)).saturating_add(stepped.saturating_mul(of(self.stepped)))
    }

    /// The best that a cheat can do which fakes `faked` steps.
    fn most_missed(&self, faked: u16) -> i128 {
        let ends = [(false, false), (false, true), (true, false), (true, true)];
        ends.into_iter()
            .filter_map(|(before, last)| self.most_missed_with(faked, before, last))
            .max()
            .unwrap_or(0)
    }

    /// The best with the last step honest or not, and the one before it: only there do the two kinds of draw differ.
    fn most_missed_with(&self, faked: u16, before: bool, last: bool) -> Option<i128> {
        let honest = self.steps.checked_sub(faked)?.checked_sub(u16::from(last))?;
        let in_stepped = honest.checked_sub(u16::from(before))?;
        let (decoded, stepped) = self.weights(last);
        let both = |of: &dyn Fn(Draw, i128) -> i128| {
            let a = decoded.saturating_mul(of(self.decoded, i128::from(honest)));
            a.saturating_add(stepped.saturating_mul(of(self.stepped, i128::from(in_stepped))))
        };
        let mut walk = vec![Walk { faked: Some(both(&|draw, _| draw.nothing_asked())), honest: None }];
        for t in 1..self.steps {
            let alone = both(&|draw, count| draw.alone(t, count));
            let beside = both(&|draw, _| draw.beside(t));
            let forced = (t.saturating_add(1) == self.steps).then_some(before);
            walk = step(&walk, usize::from(honest), alone, beside, forced);
        }
        if self.steps == 1 && before {
            return None;
        }
        walk.get(usize::from(honest)).and_then(Walk::best)
    }
}

/// The best sums so far for one number of honest steps, by what the last step was.
#[derive(Clone, Copy, Debug)]
struct Walk {
    faked: Option<i128>,
    honest: Option<i128>,
}

impl Walk {
    fn best(&self) -> Option<i128> {
        self.faked.max(self.honest)
    }
}

/// One candidate further: it is faked, or honest, or what `forced` says.
fn step(walk: &[Walk], most: usize, alone: i128, beside: i128, forced: Option<bool>) -> Vec<Walk> {
    let same = walk.iter().copied().map(Some).chain(iter::once(None));
    let one_more = iter::once(None).chain(walk.iter().copied().map(Some));
    let next = same.zip(one_more).map(|(same, fewer)| {
        let faked = if forced == Some(true) { None } else { same.and_then(|walk| walk.best()) };
        let honest = if forced == Some(false) {
            None
        } else {
            let after_faked = fewer.and_then(|walk| walk.faked).map(|sum| sum.saturating_add(alone));
            let after_honest = fewer
                .and_then(|walk| walk.honest)
                .map(|sum| sum.saturating_add(alone).saturating_sub(beside));
            after_faked.max(after_honest)
        };
        Walk { faked, honest }
    });
    next.take(most.saturating_add(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every set of `faked` steps, one by one.
    fn by_hand(steps: u16, faked: u16, decoder: bool) -> i128 {
        let picture = Picture::new(steps, decoder);
        let sets = (0u32..1 << steps).filter(|set| set.count_ones() == u32::from(faked));
        sets.map(|set| picture.missed(|t| set >> (t - 1) & 1 == 0)).max().unwrap()
    }

    #[test]
    fn no_set_of_fakes_hides_better_than_the_best() {
        for steps in 1..=13 {
            for faked in 0..=steps {
                for decoder in [false, true] {
                    let best = Picture::new(steps, decoder).most_missed(faked);
                    assert_eq!(best, by_hand(steps, faked, decoder), "{faked} of {steps}, decoder {decoder}");
                }
            }
        }
    }

    #[test]
    fn nothing_faked_is_never_found_and_everything_always() {
        for steps in [1, 2, 9, 10, 50, 150] {
            let picture = Picture::new(steps, false);
            assert_eq!(picture.chance(picture.most_missed(0)), Fixed::ONE, "{steps}");
            let garbage = Picture::new(steps, true);
            assert_eq!(garbage.chance(garbage.most_missed(steps)), Fixed::ZERO, "{steps}");
        }
    }

    #[test]
    fn known_chances() {
        let found = |steps, faked, decoder, place| {
            let work = Workload { images: 1, steps, step: 1, decoder: 1, text: 1 };
            detection(&work, &Fakes { images: 1, initial: false, steps: faked, place, decoder })
        };
        assert_eq!(found(20, 0, true, Place::Best), Fixed::ratio(3, 4));
        assert_eq!(found(20, 1, false, Place::Last), Fixed::ratio(1, 4));
        // One step and its decoder: the step is asked in a quarter of the draws, and nothing else is.
        assert_eq!(found(1, 1, false, Place::Best), Fixed::ratio(1, 4));
        assert_eq!(found(2, 1, false, Place::Best), Fixed::ratio(1, 4));
        // All steps of two or more: some step is asked in every draw.
        assert_eq!(found(2, 2, false, Place::Best), Fixed::ONE);
    }
}
