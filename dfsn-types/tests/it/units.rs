//! Units: arithmetic against 256-bit products, ranges, and the price of work against its formula.

use dfsn_types::*;
use proptest::prelude::*;

use crate::properties::check;
use crate::samples::Sample;
use crate::strategies::random;
use crate::wide::Wide;

#[test]
fn amounts_add_and_multiply_exactly_or_not_at_all() {
    check(512, &(random::<Amount>(), random::<Amount>(), any::<u64>()), |(a, b, factor)| {
        let (x, y) = (a.base_units(), b.base_units());
        // The sum's carry, by halves: whether it fits is not asked of the addition under test.
        let carry = (x >> 1) + (y >> 1) + (x & y & 1) > u128::MAX >> 1;
        prop_assert_eq!(a.checked_add(b), (!carry).then(|| Amount::from_base_units(x.wrapping_add(y))));
        prop_assert_eq!(a.checked_add(b).and_then(|sum| sum.checked_sub(b)), a.checked_add(b).map(|_| a));
        prop_assert_eq!(a.checked_sub(b).is_some(), x >= y);
        prop_assert_eq!(a.checked_sub(b).and_then(|rest| rest.checked_add(b)), (x >= y).then_some(a));
        prop_assert_eq!(a.saturating_sub(b), a.checked_sub(b).unwrap_or(Amount::ZERO));

        let product = Wide::product(x, u128::from(factor));
        prop_assert_eq!(a.checked_mul(factor).map(Amount::base_units), product.narrow());
        Ok(())
    });
}

#[test]
fn sums_at_the_edge() {
    let (most, one) = (Amount::from_base_units(u128::MAX), Amount::from_base_units(1));
    assert_eq!(most.checked_add(Amount::ZERO), Some(most));
    assert_eq!(most.checked_add(one), None);
    assert_eq!(Amount::ZERO.checked_sub(one), None);
    assert_eq!(Amount::ZERO.saturating_sub(most), Amount::ZERO);
    assert_eq!(most.checked_mul(0), Some(Amount::ZERO));
    assert_eq!(most.checked_mul(2), None);
    assert_eq!(Amount::from_dfsn(u64::MAX).base_units(), u128::from(u64::MAX) * 10u128.pow(18));
    assert!(Amount::ZERO.is_zero() && !one.is_zero());
}

/// `n` parts of `split(n)` leave less than `n` base units.
#[test]
fn splits_leave_less_than_a_unit_a_part() {
    check(512, &(random::<Amount>(), 1..=u64::MAX), |(amount, parts)| {
        let share = amount.split(parts).base_units();
        let (paid, parts) = (Wide::product(share, u128::from(parts)), u128::from(parts));
        let paid = paid.narrow().expect("the parts are not more than the whole");
        prop_assert!(paid <= amount.base_units() && amount.base_units() - paid < parts);
        Ok(())
    });
    assert_eq!(Amount::DFSN.split(0), Amount::DFSN);
}

/// A share is the largest amount whose 10,000-fold is not more than the amount times the points.
#[test]
fn shares_are_rounded_down() {
    check(512, &(random::<Amount>(), random::<BasisPoints>()), |(amount, points)| {
        let share = points.of(amount).base_units();
        let exact = Wide::product(amount.base_units(), u128::from(points.get()));
        prop_assert!(Wide::product(share, 10_000) <= exact);
        if let Some(next) = share.checked_add(1) {
            prop_assert!(Wide::product(next, 10_000) > exact);
        }
        Ok(())
    });
    let most = Amount::from_base_units(u128::MAX);
    assert_eq!(BasisPoints::WHOLE.of(most), most);
    assert_eq!(BasisPoints::new(0).map(|none| none.of(most)), Ok(Amount::ZERO));
    assert_eq!(BasisPoints::new(10_001), Err(BasisPointsError(10_001)));
}

#[test]
fn counters_saturate_or_say_so() {
    check(256, &(any::<u64>(), any::<u64>()), |(a, b)| {
        let (x, y) = (Gas::new(a), Gas::new(b));
        let sum = u128::from(a) + u128::from(b);
        prop_assert_eq!(
            x.checked_add(y).map(|gas| u128::from(gas.get())),
            (sum <= u128::from(u64::MAX)).then_some(sum)
        );
        prop_assert_eq!(u128::from(x.saturating_add(y).get()), sum.min(u128::from(u64::MAX)));
        prop_assert_eq!(i128::from(x.saturating_sub(y).get()), (i128::from(a) - i128::from(b)).max(0));

        let (then, span) = (Timestamp::new(a), DurationMs::new(b));
        prop_assert_eq!(then.after(span).get(), a.saturating_add(b));
        prop_assert_eq!(ChainClock::new(a).after(span).get(), a.saturating_add(b));
        prop_assert_eq!(Timestamp::new(a).since(Timestamp::new(b)).get(), a.saturating_sub(b));
        Ok(())
    });
    assert_eq!(BlockHeight::ZERO.next(), BlockHeight::new(1));
    assert_eq!(Nonce::new(u64::MAX).next(), Nonce::new(u64::MAX));
    assert_eq!(
        (Attempt::FIRST.next(), Attempt::new(u8::MAX).next()),
        (Attempt::new(2), Attempt::new(u8::MAX))
    );
}

#[test]
fn chain_ids_are_1_to_2_pow_52() {
    assert_eq!(ChainId::new(0), Err(ChainIdError(0)));
    assert_eq!(ChainId::new(1 << 52), Err(ChainIdError(1 << 52)));
    assert_eq!(ChainId::new(1).map(ChainId::get), Ok(1));
    assert_eq!(ChainId::try_from((1 << 52) - 1).map(ChainId::get), Ok(ChainId::MAX));
}

/// Guidance is the quotient of two floats that hold their integers exactly, rounded once.
#[test]
fn guidance_is_rounded_once() {
    for thousandths in 0..=GuidanceScale::MAX_THOUSANDTHS {
        let scale = GuidanceScale::from_thousandths(thousandths).expect("in range");
        // A double holds the quotient closely enough that its nearest float is the nearest of the quotient.
        assert_eq!(scale.to_f32(), (f64::from(thousandths) / 1000.0) as f32, "{thousandths}");
        assert_eq!(scale.is_guided(), scale.to_f32() > 1.0);
    }
}

/// Work by the formula of PROTOCOL section 5.1, in numbers that cannot overflow, at most the largest `u64`.
fn work_by_definition(model: &ModelRecord, params: &GenerationParams) -> u64 {
    let WorkCoefficients { a, b, d, t } = model.work;
    let [a, b, d, t] = [a, b, d, t].map(u128::from);
    let scale = u128::from(model.vae_scale_factor);
    let side = |pixels: u32| u128::from(pixels).checked_div(scale).unwrap_or(0);
    let px = side(params.height()) * side(params.width());
    let passes = if params.guidance_scale().thousandths() > 1000 { 2 } else { 1 };
    let images = u128::from(params.num_images());
    let steps = u128::from(params.num_inference_steps());
    // From an image only the last steps are executed.
    let strength = params.init_image().map_or(1_000, |_| u128::from(params.strength().thousandths()));
    let executed = steps * strength / 1_000;
    // The first of several steps of PNDM takes two evaluations.
    let corrected = params.scheduler() == SchedulerKind::Pndm && steps > 1;
    let evaluations = executed + u128::from(corrected);
    let work = images * (evaluations * passes * (a * px + b * px * px / 65_536) + d * px) + t;
    u64::try_from(work).unwrap_or(u64::MAX)
}

/// Coefficients of every magnitude: prices must be right or at the limit, never small by overflow.
#[test]
fn work_follows_its_formula() {
    let coefficients = (random::<WorkCoefficients>(), [0..64u32, 0..64, 0..64, 0..64]);
    check(512, &(random::<ModelRecord>(), coefficients, random()), |(model, (work, shift), params)| {
        let [a, b, d, t] = shift;
        let work = WorkCoefficients { a: work.a >> a, b: work.b >> b, d: work.d >> d, t: work.t >> t };
        let model = ModelRecord { work, ..model };
        prop_assert_eq!(model.work_units(&params).get(), work_by_definition(&model, &params));
        Ok(())
    });
}

#[test]
fn gen_03_an_image_to_start_from_spares_steps() {
    let size = ImageSize::new(64, 64).expect("in range");
    let of = |scheduler, steps, strength: Option<u16>| {
        let params = GenerationParams::builder(ModelId::sample(), ProfileId::sample(), "a fox", size)
            .scheduler(scheduler)
            .num_inference_steps(steps);
        let from = |thousandths| Strength::from_thousandths(thousandths).expect("at most 1,000");
        match strength {
            Some(strength) => params.init_image(FileHash::sample(), from(strength)),
            None => params,
        }
        .build()
        .expect("a step is left")
    };
    for (steps, strength, executed) in
        [(20, None, 20), (20, Some(1_000), 20), (20, Some(500), 10), (20, Some(50), 1), (7, Some(300), 2)]
    {
        let params = of(SchedulerKind::Euler, steps, strength);
        assert_eq!((params.executed_steps(), params.evaluations()), (executed, executed.into()));
        assert_eq!(TraceShape::of(&params).steps(), executed, "TRC-01");
    }
    // GEN-07: the corrected step of `pndm` is there wherever an image is begun with.
    for (steps, strength, evaluations) in
        [(1, None, 1), (20, None, 21), (20, Some(500), 11), (20, Some(50), 2)]
    {
        assert_eq!(of(SchedulerKind::Pndm, steps, strength).evaluations(), evaluations);
    }
}

/// An audit of one image runs some steps, the text encoder and the decoder; of all evaluations it is the work.
#[test]
fn audit_of_all_evaluations_is_the_work_of_one_image() {
    check(256, &(random::<ModelRecord>(), random::<GenerationParams>()), |(model, params)| {
        let evaluations = u64::from(params.evaluations());
        let audit = model.audit_units(&params, evaluations);
        if params.num_images() == 1 {
            prop_assert_eq!(audit, model.work_units(&params));
        }
        prop_assert!(audit <= model.work_units(&params));
        prop_assert!(model.audit_units(&params, 0) <= audit);
        Ok(())
    });
}

#[test]
fn states_have_the_size_of_their_tensors() {
    let model = ModelRecord::sample();
    let size = ImageSize::new(64, 128).expect("in range");
    assert_eq!(model.latent_pixels(size), 8 * 16);
    assert_eq!(model.state_bytes(size, 0), 8 * 16 * 4 * 4);
    assert_eq!(model.state_bytes(size, 2), 3 * 8 * 16 * 4 * 4);
    assert_eq!(model.state_bytes(size, u64::MAX), u64::MAX);
}

#[test]
fn models_take_multiples_up_to_their_largest_side() {
    let model = ModelRecord::sample();
    let accepts = |height, width| model.accepts(ImageSize::new(height, width).expect("in range"));
    assert!(accepts(64, 64) && accepts(512, 64) && accepts(448, 512));
    assert!(!accepts(64, 72) && !accepts(8, 64) && !accepts(576, 64) && !accepts(64, 576));
    let nothing = ModelRecord { size_multiple: 0, vae_scale_factor: 0, ..model };
    assert!(!nothing.accepts(ImageSize::sample()));
    assert_eq!(nothing.latent_pixels(ImageSize::sample()), 0);
}
