//! Quotes against what the chain then charges.

use dfsn_client::view::{JobStatus, Quote};
use dfsn_client::{ClientError, JobEvent};
use dfsn_consensus::gas;
use dfsn_types::{Amount, Event, GenerationParams, ImageSize, ModelId, ProfileId, TransactionKind};

use crate::node::genesis::{USER_MONEY, pair};
use crate::node::{Node, next_event, params, request};

#[tokio::test(start_paused = true)]
async fn quoted_price_is_what_goes_into_escrow() {
    let node = Node::start();
    let user = node.client(0);
    let quote = user.quote(&params(7, 1)).await.unwrap();
    assert!(quote.price >= user.network().await.unwrap().params.economics.price_min);
    assert_eq!(quote.price_per_unit.checked_mul(quote.work_units.get()), Some(quote.price));
    assert_eq!((quote.workers, quote.audited), (4, true));

    let request = request(params(7, 1), quote.price_per_unit);
    let kind = TransactionKind::GenerationRequest(Box::new(request.clone()));
    let fee = node.base_fee().checked_mul(gas::gas_of(&kind).get()).unwrap();
    let mut job = user.generate(request).await.unwrap();
    let Some(JobEvent::Chain(Event::JobRequested { price, .. })) = next_event(&mut job).await.unwrap() else {
        panic!("a job's first event is its request")
    };
    assert_eq!(price, quote.price);
    let paid = USER_MONEY.checked_sub(node.balance(&user.address())).unwrap();
    assert_eq!(paid, quote.price.checked_add(fee).unwrap());
    let info = job.info().await.unwrap();
    assert_eq!((info.price, info.status.is_final()), (quote.price, false));
}

#[tokio::test(start_paused = true)]
async fn smallest_request_costs_the_lowest_price_of_a_job() {
    let node = Node::start();
    let user = node.client(0);
    let size = ImageSize::new(64, 64).unwrap();
    let smallest = GenerationParams::builder(pair().model, pair().profile, "x", size)
        .num_inference_steps(1)
        .build()
        .unwrap();
    let quote = user.quote(&smallest).await.unwrap();
    let price_min = user.network().await.unwrap().params.economics.price_min;
    assert!(quote.price >= price_min);
    assert!(quote.price_per_unit > Amount::from_base_units(300_000_000_000), "more than any worker asks");
    // One base unit less per unit of work, and the chain refuses: the quote is not too dear.
    let less = quote.price_per_unit.checked_sub(Amount::from_base_units(1)).unwrap();
    let error = user.generate(request(smallest.clone(), less)).await.unwrap_err();
    assert!(matches!(&error, ClientError::Failed { rule, .. } if rule.as_str() == "REQ-03"), "{error}");
    user.generate(request(smallest, quote.price_per_unit)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_nobody_serves_has_no_quote() {
    let node = Node::start();
    let user = node.client(0);
    let size = ImageSize::new(64, 64).unwrap();
    let ask = |model, profile, size| GenerationParams::builder(model, profile, "x", size).build().unwrap();
    let cases = [
        ask(ModelId::from_bytes([9; 32]), pair().profile, size),
        ask(pair().model, ProfileId::from_bytes([9; 32]), size),
        ask(pair().model, pair().profile, ImageSize::new(1_024, 64).unwrap()),
    ];
    for params in cases {
        let error = user.quote(&params).await.unwrap_err();
        assert!(matches!(error, ClientError::NoWorker) && error.is_retryable(), "{error}");
        let refused = user.generate(request(params, Amount::DFSN)).await.unwrap_err();
        assert!(matches!(refused, ClientError::Failed { .. }), "the chain agrees: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn quote_counts_only_workers_who_can_be_drawn() {
    let node = Node::start();
    let mut state = node.chain().state().clone();
    let owners: Vec<_> = state.validators.keys().copied().collect();
    let all = Quote::of(&state, &params(1, 1)).unwrap();

    // One pauses, one asks for more: both still count as auditors of the others.
    state.validators.get_mut(&owners[0]).unwrap().paused = true;
    let record = state.validators.get_mut(&owners[1]).unwrap().pairs.get_mut(&pair()).unwrap();
    record.min_price = Amount::DFSN;
    let fewer = Quote::of(&state, &params(1, 1)).unwrap();
    assert_eq!((fewer.price, fewer.workers, fewer.audited), (all.price, 2, true));

    // Nobody is left to audit.
    for owner in &owners[1..3] {
        state.validators.get_mut(owner).unwrap().pairs.clear();
    }
    let unaudited = Quote::of(&state, &params(1, 1)).unwrap();
    assert_eq!((unaudited.workers, unaudited.audited), (1, false));

    // The last one asks for more than its stake is collateral for.
    let record = state.validators.get_mut(&owners[3]).unwrap().pairs.get_mut(&pair()).unwrap();
    record.min_price = Amount::from_dfsn(1_000);
    assert_eq!(Quote::of(&state, &params(1, 1)), None);
}

#[tokio::test(start_paused = true)]
async fn unknown_job_is_unknown() {
    let node = Node::start();
    let id = dfsn_types::JobId::from_bytes([3; 32]);
    let error = node.client(0).job(id).await.unwrap_err();
    assert_eq!(error, ClientError::UnknownJob(id));
    assert!(!JobStatus::Pending.is_final());
}
