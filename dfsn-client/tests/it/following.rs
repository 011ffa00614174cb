//! A job from its request to its end, as its follower is told.

use dfsn_client::transport::InProcess;
use dfsn_client::view::JobStatus;
use dfsn_client::{Client, ClientError, JobEvent, PendingJob, SendStage};
use dfsn_types::{Amount, Attempt, Event, JobId, RefundReason, SecretKey};

use crate::node::{Node, next_event, params, request};

async fn start(node: &Node, seed: u32) -> PendingJob<InProcess> {
    let user = node.client(0);
    let price = user.quote(&params(seed, 2)).await.unwrap().price_per_unit;
    user.generate(request(params(seed, 2), price)).await.unwrap()
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::JobRequested { .. } => "requested",
        Event::JobDrawn { .. } => "drawn",
        Event::JobAccepted { .. } => "accepted",
        Event::JobCommitted { .. } => "committed",
        Event::AuditClaimed { .. } => "claimed",
        Event::AuditAnswered { .. } => "answered",
        Event::AuditOpened { .. } => "opened",
        Event::Delivered { .. } => "delivered",
        Event::JobSettled { .. } => "settled",
        Event::JobRefunded { .. } => "refunded",
        _ => "other",
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_in_order_from_the_request_to_the_settlement() {
    let node = Node::start();
    let mut job = start(&node, 1).await;
    let (mut names, mut steps) = (Vec::new(), Vec::new());
    while let Some(event) = next_event(&mut job).await.unwrap() {
        match event {
            JobEvent::Chain(event) => {
                assert_eq!(event.job(), Some(job.id()));
                names.push(name(&event));
                if matches!(event, Event::JobCommitted { .. }) {
                    assert_eq!(job.fetch().await.unwrap().len(), 2);
                    job.acknowledge().await.unwrap();
                }
            }
            JobEvent::Progress { attempt, image, step, steps: 20, time_left } => {
                assert_eq!(attempt, Attempt::FIRST);
                assert_eq!(names, ["requested", "drawn", "accepted"], "while the worker computes");
                assert_eq!(time_left.is_some(), !steps.is_empty(), "from the second report on");
                steps.push((image, step));
            }
            event => panic!("{event:?}"),
        }
    }
    let told: Vec<_> = (0..2).flat_map(|image| (1..=20).map(move |step| (image, step))).collect();
    assert_eq!(steps, told);
    let delivered = names.iter().position(|name| *name == "delivered").unwrap();
    assert_eq!(names.remove(delivered), "delivered");
    let order = [
        "requested",
        "drawn",
        "accepted",
        "committed",
        "claimed",
        "claimed",
        "claimed",
        "answered",
        "answered",
        "answered",
        "opened",
        "settled",
    ];
    assert_eq!(names, order);
    assert_eq!(job.info().await.unwrap().status, JobStatus::Settled);
    assert_eq!(next_event(&mut job).await.unwrap(), None, "nothing follows the end");
}

#[tokio::test(start_paused = true)]
async fn two_followers_are_each_told_of_their_own_job() {
    let node = Node::start();
    let (mut first, mut second) = (start(&node, 1).await, start(&node, 2).await);
    assert_ne!(first.id(), second.id());
    for job in [&mut first, &mut second] {
        let Some(JobEvent::Chain(event)) = next_event(job).await.unwrap() else { panic!("an event") };
        assert!(matches!(event, Event::JobRequested { job: id, .. } if id == job.id()));
    }
}

#[tokio::test(start_paused = true)]
async fn slow_follower_is_told_that_it_missed_events() {
    let node = Node::start();
    let mut job = start(&node, 1).await;
    node.chain().noise = 5_000;
    // The job goes on while nobody listens.
    while node.chain().noise > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let Some(JobEvent::Missed(info)) = next_event(&mut job).await.unwrap() else {
        panic!("events were lost")
    };
    assert_eq!(info.id, job.id());
    assert!(!info.status.is_final());
    // The rest follows. While the follower catches up, the node may outrun it once more.
    let mut last = None;
    while let Some(event) = next_event(&mut job).await.unwrap() {
        last = Some(event);
    }
    match last.unwrap() {
        JobEvent::Chain(event) => assert!(matches!(name(&event), "settled" | "refunded"), "{event:?}"),
        JobEvent::Missed(info) => assert!(info.status.is_final(), "{:?}", info.status),
        event => panic!("{event:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn follower_that_missed_the_end_is_told_of_it() {
    let node = Node::start();
    let mut job = start(&node, 1).await;
    while next_event(&mut job).await.unwrap().is_some_and(|event| !is_commitment(&event)) {}
    while !job.info().await.unwrap().status.is_final() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    node.chain().noise = 5_000;
    node.client(1).transfer(node.client(0).address(), dfsn_types::Amount::DFSN).await.unwrap_err();
    let Some(JobEvent::Missed(info)) = next_event(&mut job).await.unwrap() else {
        panic!("events were lost")
    };
    assert!(info.status.is_final(), "{:?}", info.status);
    assert_eq!(next_event(&mut job).await.unwrap(), None);
}

fn is_commitment(event: &JobEvent) -> bool {
    matches!(event, JobEvent::Chain(Event::JobCommitted { .. }))
}

#[tokio::test(start_paused = true)]
async fn request_whose_receipt_was_missed_is_followed_all_the_same() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    node.hold();
    let sending = tokio::spawn(async move { user.generate(request(params(1, 1), price)).await });
    node.until_waiting().await;
    node.chain().noise = 5_000;
    node.release();
    let mut job = sending.await.unwrap().unwrap();
    let event = next_event(&mut job).await.unwrap();
    assert!(matches!(event, Some(JobEvent::Missed(info)) if info.id == job.id()));
}

#[tokio::test(start_paused = true)]
async fn dropped_wait_loses_no_event() {
    let node = Node::start();
    let mut job = start(&node, 1).await;
    let mut events = Vec::new();
    let mut is_over = false;
    for _ in 0..100_000 {
        // Polled once and dropped, whatever it waits for.
        match tokio::time::timeout(std::time::Duration::ZERO, job.next_event()).await {
            Ok(Ok(Some(JobEvent::Chain(event)))) => events.push(name(&event)),
            Ok(Ok(None)) => {
                is_over = true;
                break;
            }
            Ok(Ok(Some(_))) => {}
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
        }
    }
    assert!(is_over);
    assert_eq!(events[..4], ["requested", "drawn", "accepted", "committed"]);
    assert!(matches!(*events.last().unwrap(), "settled" | "refunded"));
}

#[tokio::test(start_paused = true)]
async fn pictures_before_a_result_are_not_there() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    node.hold();
    let client = user.clone();
    let sending = tokio::spawn(async move { client.generate(request(params(1, 1), price)).await });
    node.until_waiting().await;
    node.release();
    let job = sending.await.unwrap().unwrap();
    let error = job.fetch().await.unwrap_err();
    assert_eq!(error, ClientError::NoResult(job.id()));
    assert!(error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn stages_of_a_request_are_told_before_its_job() {
    let node = Node::start();
    let user = node.client(0);
    let price = user.quote(&params(7, 2)).await.unwrap().price_per_unit;
    let mut stages = Vec::new();
    let sending = user.generate_watched(request(params(7, 2), price), |stage| stages.push(stage));
    let job = sending.await.unwrap().id();
    let [SendStage::Signed(signed), SendStage::InMempool(waiting)] = stages[..] else {
        panic!("signed, then in the mempool: {stages:?}")
    };
    assert_eq!((signed, signed.job_id()), (waiting, job));
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_never_reaches_the_mempool() {
    let node = Node::start();
    let poor = Client::new(node.transport.clone(), SecretKey::from_seed(&[0xee; 32]));
    let mut stages = Vec::new();
    let sent = poor.generate_watched(request(params(7, 2), Amount::DFSN), |stage| stages.push(stage)).await;
    assert!(sent.is_err(), "it has no money for the fee");
    assert!(matches!(stages[..], [SendStage::Signed(_)]), "{stages:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_has_accepted_is_taken_back() {
    let node = Node::start();
    let job = start(&node, 3).await;
    // The first draw is two blocks later: there is time.
    job.cancel().await.unwrap();
    assert_eq!(job.info().await.unwrap().status, JobStatus::Refunded(dfsn_types::RefundReason::Cancelled));
    let again = job.cancel().await.unwrap_err();
    assert!(matches!(again, ClientError::Failed { .. }), "{again}");
}

#[tokio::test(start_paused = true)]
async fn another_audit_can_be_asked_for_once() {
    let node = Node::start();
    let mut job = start(&node, 4).await;
    while let Some(event) = next_event(&mut job).await.unwrap() {
        if matches!(event, JobEvent::Chain(Event::JobCommitted { .. })) {
            job.acknowledge().await.unwrap();
        }
    }
    job.request_audit().await.unwrap();
    let again = job.request_audit().await.unwrap_err();
    assert!(matches!(again, ClientError::Failed { .. }), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_job_is_resumed_by_its_name() {
    let node = Node::start();
    let id = start(&node, 1).await.id();
    let other = node.client(1);
    let mut job = other.follow(id).await.unwrap();
    let Some(JobEvent::Missed(info)) = next_event(&mut job).await.unwrap() else { panic!("where it stands") };
    assert_eq!((info.id, info.requester), (id, node.client(0).address()));
    while next_event(&mut job).await.unwrap().is_some_and(|event| !is_commitment(&event)) {}

    let mut again = node.client(0).follow(id).await.unwrap();
    assert_eq!(again.pictures().await.unwrap().len(), 2);
    while next_event(&mut again).await.unwrap().is_some() {}
    let mut over = other.follow(id).await.unwrap();
    assert!(
        matches!(next_event(&mut over).await.unwrap(), Some(JobEvent::Missed(info)) if info.status.is_final())
    );
    assert_eq!(next_event(&mut over).await.unwrap(), None);
    let unknown = JobId::from_bytes([9; 32]);
    assert_eq!(other.follow(unknown).await.unwrap_err(), ClientError::UnknownJob(unknown));
}

#[tokio::test(start_paused = true)]
async fn pictures_come_in_one_call_and_are_acknowledged() {
    let node = Node::start();
    let mut job = start(&node, 1).await;
    let pictures = job.pictures().await.unwrap();
    assert_eq!(pictures.len(), 2);
    assert_eq!(job.pictures().await.unwrap(), pictures, "asked again");
    while next_event(&mut job).await.unwrap().is_some() {}
    assert_eq!(job.info().await.unwrap().status, JobStatus::Settled);
}

#[tokio::test(start_paused = true)]
async fn a_job_without_pictures_says_what_it_cost() {
    let node = Node::start();
    node.hold();
    let user = node.client(0);
    let price = user.quote(&params(1, 2)).await.unwrap().price_per_unit;
    let asked = tokio::spawn({
        let user = user.clone();
        async move { user.generate(request(params(1, 2), price)).await.unwrap() }
    });
    node.until_waiting().await;
    node.chain().lazy = true;
    node.release();
    let mut job = asked.await.unwrap();
    let error = job.pictures().await.unwrap_err();
    let ClientError::Refunded { reason, price, back: Some(back), .. } = error else { panic!("{error:?}") };
    assert!(matches!(reason, RefundReason::Expired | RefundReason::AttemptsFailed), "{reason:?}");
    assert_eq!(error.cost(), price.checked_sub(back));
    assert!(error.to_string().contains("came back"), "{error}");
    // Who comes later has not seen how much came back.
    let later = user.follow(job.id()).await.unwrap().pictures().await.unwrap_err();
    assert!(matches!(later, ClientError::Refunded { back: None, .. }) && later.cost().is_none(), "{later:?}");
}
