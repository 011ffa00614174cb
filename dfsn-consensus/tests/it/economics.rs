//! What misbehaving gains and loses under the default parameters, and whether the computation describes the rules.

use dfsn_consensus::economics::{
    Assumptions, Case, Cheat, Demand, Electorate, Fakes, Fixed, Place, Verdict, Workload, detection, flood,
    stuffed_blocks, table_shares,
};
use dfsn_consensus::sortition::draw_questions;
use dfsn_types::{
    Amount, BasisPoints, ConsensusParams, Domain, GenerationParams, ImageSize, ModelId, ProfileId,
    TraceShape, VrfOutput, codec,
};

fn case(params: &ConsensusParams, verdict: Verdict, steps: u16, colluding: Fixed) -> Case<'_> {
    let assumptions = Assumptions { colluding, ..Assumptions::default() };
    Case { params, verdict, work: Workload::stable_diffusion_15(steps), assumptions }
}

/// Margins of one cheat at a third, a half and two thirds of colluding stake, with one decimal.
fn margins(name: &str, steps: u16) -> [String; 3] {
    let params = ConsensusParams::default();
    table_shares().map(|colluding| {
        let case = case(&params, Verdict::Arithmetic, steps, colluding);
        let cheat = Cheat::all(&case.work).into_iter().find(|cheat| cheat.name == name).unwrap();
        format!("{:.1}", case.cheat(&cheat).margin().unwrap())
    })
}

#[test]
fn defaults_make_every_cheat_lose_in_exact_profiles() {
    let params = ConsensusParams::default();
    for steps in [3, 4, 8, 9, 10, 20, 30, 50, 150] {
        for scenario in case(&params, Verdict::Arithmetic, steps, Fixed::ratio(2, 3)).scenarios() {
            assert!(scenario.holds(), "{steps} steps: {scenario:?}");
        }
    }
}

#[test]
fn defaults_make_every_cheat_lose_in_float_profiles_to_a_third() {
    let params = ConsensusParams::default();
    for steps in [20, 30, 50] {
        for scenario in case(&params, Verdict::Jury, steps, Fixed::ratio(1, 3)).scenarios() {
            assert!(scenario.holds(), "{steps} steps: {scenario:?}");
        }
    }
}

#[test]
fn no_number_of_fakes_is_worth_it() {
    let params = ConsensusParams::default();
    for steps in (1..=20).chain([50]) {
        let case = case(&params, Verdict::Arithmetic, steps, Fixed::ratio(2, 3));
        for faked in 0..=steps {
            for decoder in [false, true] {
                let fakes = Fakes { images: 1, initial: false, steps: faked, place: Place::Best, decoder };
                let saved = case.work.saved_by(&fakes);
                let balance = case.cheat(&Cheat { name: "some", fakes, saved, silent: false });
                let margin = balance.margin().unwrap_or(Fixed::whole(2));
                assert!(
                    margin >= Fixed::whole(2),
                    "{faked} of {steps} steps, decoder {decoder}: {margin:.2}"
                );
            }
        }
    }
}

#[test]
fn a_penalty_too_small_is_noticed() {
    let mut params = ConsensusParams::default();
    params.penalties.collateral_prices = 40;
    let scenarios = case(&params, Verdict::Arithmetic, 50, Fixed::ratio(2, 3)).scenarios();
    let failed: Vec<&str> = scenarios.iter().filter(|one| !one.holds()).map(|one| one.name).collect();
    assert_eq!(failed, ["garbage", "garbage, then silence", "replayed result"]);
    assert!(scenarios.iter().filter(|one| !one.holds()).all(|one| one.demand == Demand::Twice));
}

/// What the design takes for an answer that is given away (ten prices) would rid cheats of their auditors for less than they save.
#[test]
fn giving_answers_away_cheaply_would_pay() {
    let mut params = ConsensusParams::default();
    params.penalties.early_opening_prices = 10;
    params.penalties.evidence_share = BasisPoints::new(3_000).unwrap();
    let scenarios = case(&params, Verdict::Arithmetic, 50, Fixed::ratio(1, 3)).scenarios();
    let failed: Vec<&str> = scenarios.iter().filter(|one| !one.holds()).map(|one| one.name).collect();
    assert_eq!(failed, ["a tenth of the steps", "one step"]);
    let mut margin = |prices, share| {
        params.penalties.early_opening_prices = prices;
        params.penalties.evidence_share = BasisPoints::new(share).unwrap();
        let case = case(&params, Verdict::Arithmetic, 50, Fixed::ratio(2, 3));
        format!("{:.1}", case.cheat(&Cheat::all(&case.work)[0]).margin().unwrap())
    };
    assert_eq!(
        [(10, 3_000), (100, 3_000), (100, 300)].map(|(prices, share)| margin(prices, share)),
        ["0.8", "3.1", "4.3"]
    );
}

/// The design has 8.7/6.6/4.4, 11.6/8.7/5.9, 13.1/9.9/6.7 and 17.4/13.1/8.8. It leaves out what friends get back of a penalty, takes
/// all work for steps, and lets every step be asked about equally often.
#[test]
fn margins_are_those_of_the_design_but_for_what_it_leaves_out() {
    assert_eq!(margins("garbage", 50), ["8.4", "6.4", "4.3"]);
    assert_eq!(margins("other model", 50), ["11.6", "8.7", "5.9"]);
    assert_eq!(margins("half of the steps", 50), ["13.2", "9.9", "6.7"]);
    assert_eq!(margins("one step", 50), ["13.9", "10.4", "6.9"]);
}

/// The design's own arithmetic, term by term.
#[test]
fn the_designs_table_follows_from_its_own_terms() {
    let params = ConsensusParams::default();
    let rows = [
        (Fixed::ONE, Fixed::ONE, ["8.7", "6.6", "4.4"]),
        (Fixed::ONE, Fixed::ratio(3, 4), ["11.6", "8.7", "5.9"]),
        (Fixed::ratio(755, 1000), Fixed::ratio(1, 2), ["13.1", "9.9", "6.7"]),
        (Fixed::ratio(4, 100), Fixed::ratio(2, 100), ["17.4", "13.1", "8.8"]),
    ];
    for (hit, saved, expected) in rows {
        let margins = table_shares().map(|colluding| {
            let case = case(&params, Verdict::Arithmetic, 50, colluding);
            let lock = Fixed::whole(params.penalties.collateral_prices);
            let loss = case.honest_claims(Fixed::ONE).any().times(hit).times(lock.plus(case.part()));
            format!("{:.1}", loss.over(case.assumptions.cost.times(saved)).unwrap())
        });
        assert_eq!(margins, expected);
    }
}

#[test]
fn audits_cost_the_network_what_the_design_says() {
    let params = ConsensusParams::default();
    let percent = |steps| {
        let case = case(&params, Verdict::Arithmetic, steps, Fixed::ZERO);
        format!("{:.1}", case.audit_work().times(Fixed::whole(100)))
    };
    assert_eq!([percent(50), percent(20)], ["0.7", "1.6"]);
}

#[test]
fn many_small_validators_are_the_worst_case() {
    let params = ConsensusParams::default();
    for colluding in table_shares() {
        let many = case(&params, Verdict::Arithmetic, 20, colluding);
        let worst = many.honest_claims(Fixed::ONE).any();
        for validators in 4..=100 {
            let assumptions = Assumptions { electorate: Electorate::Equal(validators), ..many.assumptions };
            let equal = Case { assumptions, ..many }.honest_claims(Fixed::ONE).any();
            // Shares are cut to whole millionths (rule AUD-09): with 100 validators up to a thousandth of each.
            let cut = Fixed::ratio(1_001, 1_000);
            assert!(equal.times(cut) >= worst, "{validators} validators: {equal} < {worst}");
        }
    }
}

#[test]
fn the_ramp_audits_all_but_one_job_in_twenty() {
    let params = ConsensusParams::default();
    let mut ramp = case(&params, Verdict::Arithmetic, 20, Fixed::ZERO);
    ramp.assumptions.clean_jobs = 0;
    assert_eq!(format!("{:.3}", ramp.honest_claims(Fixed::ONE).none()), "0.050");
    ramp.assumptions.electorate = Electorate::Equal(4);
    assert_eq!(ramp.honest_claims(Fixed::ONE).none(), Fixed::ZERO);
}

/// The closed form against what the rules draw: of 40,000 outputs, the share whose questions hit a fake is within five standard
/// deviations of the chance.
#[test]
fn chances_are_those_of_the_questions_drawn() {
    const DRAWS: u64 = 40_000;
    let outputs: Vec<VrfOutput> = (0..DRAWS)
        .map(|n| {
            let half = |side: u8| *Domain::Questions.hash(&(n, side)).as_bytes();
            codec::decode(&[half(0), half(1)].concat(), VrfOutput::LEN).unwrap()
        })
        .collect();
    for (steps, last, decoder) in
        [(1, 1, false), (2, 1, false), (5, 3, false), (10, 1, false), (20, 1, false), (20, 0, true)]
    {
        let work = Workload { images: 2, ..Workload::stable_diffusion_15(steps) };
        let fakes = Fakes { images: 1, initial: false, steps: last, place: Place::Last, decoder };
        let shape = shape(&work);
        let fake = |t: u16| (t <= steps && t > steps - last) || (decoder && t > steps);
        let hits = outputs.iter().filter(|output| {
            let asked = draw_questions(output, shape, &std::collections::BTreeSet::new());
            asked.image == 0 && asked.boundaries.iter().any(|t| *t > 0 && fake(*t))
        });
        let (hits, chance) = (hits.count() as f64, detection(&work, &fakes).parts() as f64 / 1e12);
        let expected = chance * DRAWS as f64;
        let deviation = (expected * (1.0 - chance)).sqrt();
        assert!((hits - expected).abs() < 5.0 * deviation, "{last} of {steps}: {hits} for {expected:.0}");
    }
}

fn shape(work: &Workload) -> TraceShape {
    let ids = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
    let params = GenerationParams::builder(ids.0, ids.1, "a fox", ImageSize::new(64, 64).unwrap())
        .num_inference_steps(work.steps)
        .num_images(work.images)
        .build();
    TraceShape::of(&params.unwrap())
}

#[test]
fn a_false_hint_in_a_hundred_is_enough_and_pays() {
    let params = ConsensusParams::default();
    let case = case(&params, Verdict::Arithmetic, 20, Fixed::ratio(2, 3));
    assert!(case.traps_needed() < Fixed::ratio(1, 100));
    assert!(case.trap_reward() > case.part());
}

#[test]
fn a_flood_burns_fees_and_full_blocks_get_dear() {
    let params = ConsensusParams::default();
    let flood = flood(&params);
    assert_eq!(flood.accounts, 32);
    assert!(
        flood.queue_hour > Amount::from_dfsn(15) && flood.queue_hour < Amount::from_dfsn(16),
        "{}",
        flood.queue_hour
    );
    // The design's figure for twelve blocks: 9.3 DFSN.
    assert_eq!(stuffed_blocks(&params, 12).to_string().get(..3), Some("9.3"));
    assert!(stuffed_blocks(&params, 60) > Amount::from_dfsn(3_500));
}
