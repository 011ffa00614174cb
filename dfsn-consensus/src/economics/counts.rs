//! How many of a group are chosen: whole distributions, not averages.

use super::Fixed;

/// Counts beyond this are left out; with the largest rate allowed (100 expected) their chance is below 10^-12.
const COUNT_MAX: usize = 200;

/// The chance of each count, from none upwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(Vec<Fixed>);

impl Counts {
    /// Never any.
    pub fn none_ever() -> Self {
        Self(vec![Fixed::ONE])
    }

    /// A group of any number of small members with an expected number of `mean` chosen among them: the distribution that
    /// gives the smallest chance of at least one, for a given mean. Right to about 10^-10.
    pub fn poisson(mean: Fixed) -> Self {
        let mean = mean.max(Fixed::ZERO);
        // Pieces of a mean of at most one: their chance of none does not vanish in 12 digits.
        let pieces = mean.floor().saturating_add(1);
        let piece = small_poisson(mean.split(pieces));
        (0..pieces).fold(Self::none_ever(), |sum, _| sum.with(&piece))
    }

    /// `members` that are chosen with the same chance, each by itself.
    pub fn binomial(members: u64, chance: Fixed) -> Self {
        let member = Self(vec![chance.complement(), chance]);
        (0..members).fold(Self::none_ever(), |sum, _| sum.with(&member))
    }

    /// The chance of none.
    pub fn none(&self) -> Fixed {
        self.0.first().copied().unwrap_or(Fixed::ZERO)
    }

    /// The chance of at least one.
    pub fn any(&self) -> Fixed {
        self.none().complement().max(Fixed::ZERO)
    }

    /// The expected value of `f` of the count.
    pub fn mean(&self, f: impl Fn(u64) -> Fixed) -> Fixed {
        Fixed::sum(self.iter().map(|(count, chance)| chance.times(f(count))))
    }

    /// The expected value of `f` of this count and another, independent one.
    pub fn mean_with(&self, other: &Self, f: impl Fn(u64, u64) -> Fixed) -> Fixed {
        self.mean(|a| other.mean(|b| f(a, b)))
    }

    /// The sum of this count and another, independent one.
    pub fn with(&self, other: &Self) -> Self {
        let len = self.0.len().saturating_add(other.0.len()).saturating_sub(1).min(COUNT_MAX);
        let mut sum = vec![Fixed::ZERO; len];
        for (shift, b) in other.0.iter().enumerate() {
            for (place, a) in sum.iter_mut().skip(shift).zip(&self.0) {
                *place = place.plus(a.times(*b));
            }
        }
        Self(sum)
    }

    fn iter(&self) -> impl Iterator<Item = (u64, Fixed)> {
        (0u64..).zip(self.0.iter().copied()).filter(|(_, chance)| chance.is_positive())
    }
}

/// A mean of at most one: the chance of none by the series of `exp(-mean)`, the others each from the one before.
fn small_poisson(mean: Fixed) -> Counts {
    let (mut term, mut none) = (Fixed::ONE, Fixed::ONE);
    for k in 1u64..=20 {
        term = term.times(mean).split(k);
        none = if k % 2 == 0 { none.plus(term) } else { none.minus(term) };
    }
    let mut chances = vec![none];
    let mut chance = none;
    for k in 1u64..=20 {
        chance = chance.times(mean).split(k);
        chances.push(chance);
    }
    Counts(chances)
}

#[cfg(test)]
mod tests {
    use super::{Counts, Fixed};

    fn close(a: Fixed, b: Fixed, parts: i128) {
        assert!((a.parts() - b.parts()).abs() <= parts, "{a} is not {b}");
    }

    #[test]
    fn poisson_is_what_it_should_be() {
        for (mean, none) in
            [(0, 1_000_000_000_000), (1, 367_879_441_171), (3, 49_787_068_368), (8, 335_462_628)]
        {
            let counts = Counts::poisson(Fixed::whole(mean));
            close(counts.none(), Fixed::ratio(none, 1_000_000_000_000), 20);
            close(counts.mean(|_| Fixed::ONE), Fixed::ONE, 1_000);
            close(counts.mean(Fixed::whole), Fixed::whole(mean), 10_000);
        }
        // exp(-0.1 / 3)
        close(
            Counts::poisson(Fixed::ratio(1, 30)).none(),
            Fixed::ratio(967_216_100_482, 1_000_000_000_000),
            5,
        );
    }

    #[test]
    fn the_largest_rate_keeps_its_mean() {
        let counts = Counts::poisson(Fixed::whole(100));
        close(counts.mean(|_| Fixed::ONE), Fixed::ONE, 100_000);
        close(counts.mean(Fixed::whole), Fixed::whole(100), 10_000_000);
    }

    #[test]
    fn binomial_is_what_it_should_be() {
        let counts = Counts::binomial(3, Fixed::ratio(1, 4));
        close(counts.none(), Fixed::ratio(27, 64), 3);
        close(counts.any(), Fixed::ratio(37, 64), 3);
        close(counts.mean(Fixed::whole), Fixed::ratio(3, 4), 5);
        close(counts.mean_with(&counts, |a, b| Fixed::whole(a * b)), Fixed::ratio(9, 16), 10);
        assert_eq!(Counts::binomial(3, Fixed::ONE).none(), Fixed::ZERO);
    }
}
