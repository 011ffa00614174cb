//! The main job, as its user sees it: fund, quote, request, follow, fetch, check, acknowledge.

mod pictures;
mod report;
mod setup;
mod timeline;

use dfsn_client::transport::Transport;
use dfsn_client::view::{JobInfo, JobStatus};
use dfsn_client::{Client, JobEvent, PendingJob, Picture, SendStage};
use dfsn_consensus::state::Supply;
use dfsn_types::{
    Amount, DurationMs, Event, GenerationParams, GenerationParamsError, GenerationRequest, Prompt,
};

use crate::cli::{Args, Cheat};
use crate::error::DemoError;
use report::Report;
use setup::Network;
use timeline::{Timeline, count};

/// Runs the whole demo.
pub(crate) async fn run(args: &Args) -> Result<(), DemoError> {
    check(args)?;
    if let Some(url) = &args.node {
        let network = setup::connect(url).await?;
        let mut timeline = Timeline::new(network.validators.clone());
        timeline.note("network", &network.about)?;
        let user = Client::new(network.transport.clone(), crate::network::secret_key()?);
        network.transport.ask_faucet(user.address()).await?;
        let story = tell(args, &network, &user, &mut timeline).await?;
        return finish(args, &story, &timeline, None);
    }
    let embedded = setup::start(args).await?;
    let network = &embedded.network;
    let mut timeline = Timeline::new(network.validators.clone());
    timeline.note("network", &network.about)?;
    let user = Client::new(network.transport.clone(), crate::network::secret_key()?);
    embedded.faucet.transfer(user.address(), Amount::from_dfsn(10)).await?;
    let story = tell(args, network, &user, &mut timeline).await?;
    drop(user);
    let state = embedded.stop().await?;
    let (supply, minted) = (Supply::of(&state), state.minted);
    if supply.total() != minted {
        return Err(DemoError::Supply { actual: supply.total(), minted });
    }
    timeline.note("supply", &format!("conserved: {minted}, {} of it burned", supply.burned))?;
    finish(args, &story, &timeline, Some((&supply, minted)))
}

/// What became of the request.
struct Story {
    info: JobInfo,
    images: Vec<pictures::WrittenImage>,
    before: Vec<report::Balance>,
    after: Vec<report::Balance>,
}

/// From the quote to the written pictures.
async fn tell<T: Transport>(
    args: &Args,
    network: &Network<T>,
    user: &Client<T>,
    timeline: &mut Timeline,
) -> Result<Story, DemoError> {
    let balance = user.account(user.address()).await?.balance;
    timeline.note("funded", &format!("user {} has {balance}", user.address()))?;
    let before = balances(network, user).await?;
    let mut job = request(args, network, user, timeline).await?;
    let pictures = follow(&mut job, timeline).await?;
    let info = job.info().await?;
    let after = balances(network, user).await?;
    let images = pictures::write(&args.out, info.id, &pictures)?;
    timeline.balances(&before, &after)?;
    for image in &images {
        timeline.note("picture", &image.path.display().to_string())?;
    }
    Ok(Story { info, images, before, after })
}

fn finish(
    args: &Args,
    story: &Story,
    timeline: &Timeline,
    supply: Option<(&Supply, Amount)>,
) -> Result<(), DemoError> {
    let Story { info, images, before, after } = story;
    if args.json {
        Report { info, images, timeline, before, after, supply }.print()?;
    }
    match info.status {
        JobStatus::Settled | JobStatus::Refunded(_) => Ok(()),
        status => Err(DemoError::NoPicture { job: info.id, status: format!("{status:?}").to_lowercase() }),
    }
}

/// Refuses what would fail only after the model is loaded, or after the pictures are paid for.
fn check(args: &Args) -> Result<(), DemoError> {
    for (field, text) in [("prompt", &args.prompt), ("negative_prompt", &args.negative)] {
        Prompt::new(text.as_str()).map_err(|source| GenerationParamsError::Prompt { field, source })?;
    }
    if args.cheat == Cheat::FewerSteps && args.steps < 2 {
        return Err(DemoError::NothingToSkip(args.steps));
    }
    pictures::check_folder(&args.out)
}

async fn request<T: Transport>(
    args: &Args,
    network: &Network<T>,
    user: &Client<T>,
    timeline: &mut Timeline,
) -> Result<PendingJob<T>, DemoError> {
    let params = GenerationParams::builder(
        network.pair.model,
        network.pair.profile,
        args.prompt.as_str(),
        network.size,
    )
    .negative_prompt(args.negative.as_str())
    .seed(args.seed)
    .num_inference_steps(args.steps)
    .guidance_thousandths(args.guidance)
    .scheduler(args.scheduler)
    .num_images(args.images)
    .build()?;
    let quote = user.quote(&params).await?;
    timeline.note(
        "quote",
        &format!("{} for {} work units, {} workers, audited", quote.price, quote.work_units, quote.workers),
    )?;
    let request = GenerationRequest {
        params,
        price_per_unit: quote.price_per_unit,
        expires_ms: DurationMs::new(900_000),
        unaudited: false,
    };
    let asked = format!("request for {:?}, seed {}, {} steps", args.prompt, args.seed, args.steps);
    let mut noted = Ok(());
    let watch = |stage| {
        let line = match stage {
            SendStage::Signed(_) => timeline.note("signed", &asked),
            SendStage::InMempool(id) => timeline.note("in mempool", &format!("transaction {id}")),
            _ => Ok(()),
        };
        if noted.is_ok() {
            noted = line;
        }
    };
    let job = user.generate_watched(request, watch).await?;
    noted?;
    timeline.note("in block", &format!("job {}", job.id()))?;
    Ok(job)
}

/// Follows a job to its end; fetches, checks and acknowledges each result on the way, and keeps the last.
async fn follow<T: Transport>(
    job: &mut PendingJob<T>,
    timeline: &mut Timeline,
) -> Result<Vec<Picture>, DemoError> {
    let mut pictures = Vec::new();
    while let Some(event) = job.next_event().await? {
        match event {
            JobEvent::Progress { attempt, image, step, steps, .. } => {
                timeline.progress(attempt, image, step, steps)?;
            }
            JobEvent::Chain(event) => {
                timeline.event(&event)?;
                match event {
                    Event::JobCommitted { commitment, .. } if commitment.failed().is_some() => {}
                    Event::JobCommitted { .. } => {
                        pictures = job.fetch().await?;
                        timeline.note(
                            "fetched",
                            &format!("{}, hashes as committed", count(pictures.len(), "picture")),
                        )?;
                        job.acknowledge().await?;
                    }
                    Event::AttemptFailed { .. } | Event::JobRefunded { .. } => pictures.clear(),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(pictures)
}

/// Who has how much: the user, then the validators' earnings and stakes.
async fn balances<T: Transport>(
    network: &Network<T>,
    user: &Client<T>,
) -> Result<Vec<report::Balance>, DemoError> {
    let mut balances = vec![report::Balance {
        name: "user".to_owned(),
        address: user.address(),
        account: user.account(user.address()).await?,
    }];
    for (name, address) in &network.validators {
        let account = user.account(*address).await?;
        balances.push(report::Balance { name: format!("validator {name}"), address: *address, account });
    }
    Ok(balances)
}
