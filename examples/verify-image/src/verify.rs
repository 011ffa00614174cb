//! Drawing again, and comparing.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use dfsn_compute::exact::{ExactBackend, ExactOptions, WeightsCache, load_pipeline, load_pipeline_cached};
use dfsn_compute::{ComputeError, DecodedImage, Event, ImageRequest, Pipeline, Question, manifest};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Args;
use crate::choose::choose;
use crate::error::VerifyError;
use crate::subject::Subject;

/// Steps that are redone unless the command line says how many.
const STEPS: u16 = 2;

/// What was found.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Boundaries that were computed again.
    pub(crate) redone: Vec<u16>,
    /// All there are.
    pub(crate) of: u16,
    /// The number that chose them, if they were chosen.
    pub(crate) seed: Option<u64>,
    /// What does not fit, if something does not.
    pub(crate) difference: Option<Difference>,
}

/// Where a claim fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// The picture has another size than its request.
    Size,
    /// The pixels are others.
    Pixels,
    /// The state at a boundary is another.
    Boundary(u16),
}

/// Verifies what the command line names.
pub(crate) fn verify(args: &Args, subject: &Subject) -> Result<Finding, VerifyError> {
    let request = subject.request(args.init_image.as_deref())?;
    let of = subject.last_boundary();
    if let Some(picture) = &subject.picture
        && (picture.height(), picture.width()) != (request.height, request.width)
    {
        return Ok(Finding { redone: Vec::new(), of, seed: None, difference: Some(Difference::Size) });
    }
    let mut pipeline = load(args, subject)?;
    let has_states = subject.trace.iter().flatten().all(|boundary| boundary.state.is_some());
    if subject.trace.is_some() && has_states {
        redo_some(args, subject, &request, &mut pipeline)
    } else {
        redo_all(subject, &request, &mut pipeline)
    }
}

/// The model that the claim names.
fn load(args: &Args, subject: &Subject) -> Result<Pipeline<ExactBackend>, VerifyError> {
    let dir = args.model.clone().unwrap_or_else(embedded_model);
    if !dir.is_dir() {
        return Err(VerifyError::NoModel(dir));
    }
    let (wanted, found) = (subject.provenance.params.model(), manifest(&dir)?.id());
    if wanted != found {
        return Err(VerifyError::Model { wanted, found, dir });
    }
    let options = ExactOptions { threads: args.threads, ..ExactOptions::default() };
    Ok(match WeightsCache::default_dir() {
        Some(cache) => load_pipeline_cached(dir, options, &WeightsCache::new(cache, found))?,
        None => load_pipeline(dir, options)?,
    })
}

/// The model that comes with the source.
fn embedded_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/emoji-64")
}

/// Draws the whole picture, as long as nothing differs from the trace.
fn redo_all(
    subject: &Subject,
    request: &ImageRequest,
    pipeline: &mut Pipeline<ExactBackend>,
) -> Result<Finding, VerifyError> {
    let of = subject.last_boundary();
    let bar = bar(u64::from(of));
    let (mut redone, mut difference) = (Vec::new(), None);
    let mut compare = |event: Event<'_>| {
        let bytes = match event {
            Event::State { state, .. } => state.to_bytes(),
            Event::Decoded { decoded } => decoded.to_bytes(),
            _ => return ControlFlow::Continue(()),
        };
        // At most 152 boundaries.
        let t = redone.len() as u16;
        redone.push(t);
        bar.set_position(u64::from(t));
        let claimed = subject.trace.as_ref().and_then(|trace| trace.get(usize::from(t)));
        if claimed.is_some_and(|claimed| claimed.hash != *blake3::hash(&bytes).as_bytes()) {
            difference = Some(Difference::Boundary(t));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let drawn = pipeline.generate(request, &mut compare);
    bar.finish_and_clear();
    match drawn {
        Ok(drawn) => {
            let differs = subject.picture.as_ref().is_some_and(|picture| *picture != drawn.image);
            difference = differs.then_some(Difference::Pixels);
        }
        Err(ComputeError::Cancelled) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Finding { redone, of, seed: None, difference })
}

/// Computes boundary 0, which is cheap, and some steps of a trace, each from the state before it.
fn redo_some(
    args: &Args,
    subject: &Subject,
    request: &ImageRequest,
    pipeline: &mut Pipeline<ExactBackend>,
) -> Result<Finding, VerifyError> {
    let of = subject.last_boundary();
    let seed = match args.seed {
        Some(seed) => seed,
        None => getrandom::u64().map_err(VerifyError::Random)?,
    };
    let chosen = choose(args.steps.unwrap_or(STEPS), of, seed);
    let bar = bar(chosen.len() as u64);
    let mut finding = Finding { redone: Vec::new(), of, seed: Some(seed), difference: None };
    let trace = subject.trace.as_deref().unwrap_or_default();
    let state =
        |t: u16| trace.get(usize::from(t)).and_then(|boundary| boundary.state.clone()).unwrap_or_default();
    if let Some(picture) = &subject.picture {
        let decoded = DecodedImage::from_bytes(request.height, request.width, &state(of));
        if decoded.map_or(true, |decoded| decoded.to_rgb() != *picture) {
            finding.difference = Some(Difference::Pixels);
        }
    }
    for t in [0].into_iter().chain(chosen) {
        if finding.difference.is_some() {
            break;
        }
        let question = match t {
            0 => Question::InitialState,
            t if t == of => Question::Decode { state: state(t - 1) },
            t => Question::Step { step: usize::from(t), state: state(t - 1) },
        };
        let is_same = match pipeline.answer(request, &question) {
            Ok(bytes) => bytes == state(t),
            // Bytes that are no state of this request are not its state.
            Err(ComputeError::State(_)) => false,
            Err(error) => return Err(error.into()),
        };
        finding.redone.push(t);
        finding.difference = (!is_same).then_some(Difference::Boundary(t));
        bar.set_position(finding.redone.len() as u64 - 1);
    }
    bar.finish_and_clear();
    Ok(finding)
}

/// On the error stream, and none if that is no terminal.
fn bar(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("redoing {bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}
