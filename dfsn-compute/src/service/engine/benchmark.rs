//! How fast a model is on this machine, measured once at start.

use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::error::ComputeError;
use crate::pipeline::Pipeline;
use crate::request::ImageRequest;
use crate::service::wire::Speed;

/// Whatever took longer the first time is slow enough that warming up does not show.
const LONG: Duration = Duration::from_secs(2);
/// Steps measured after the first, unless steps are long.
const STEPS: usize = 4;

/// Draws a little of a picture of the model's own size.
pub(super) fn run<B: Backend>(pipeline: &mut Pipeline<B>) -> Result<Speed, ComputeError> {
    let request = ImageRequest {
        prompt: "a lighthouse on a rock, the sea behind it".to_owned(),
        negative_prompt: "blurry".to_owned(),
        ..ImageRequest::for_model(pipeline.config())
    };
    let (prepared, text) = measured(1, || pipeline.prepare(&request))?;
    let mut state = pipeline.initial_state(&prepared)?;
    let mut step = 0;
    let (_, per_step) = measured(STEPS, || {
        step += 1;
        state = pipeline.step(&prepared, step, &state)?;
        Ok(())
    })?;
    let (_, decode) = measured(1, || pipeline.decode(&prepared, &state))?;
    Ok(Speed {
        side: request.height,
        step_us: micros(per_step),
        text_us: micros(text),
        decode_us: micros(decode),
    })
}

/// Mean time of `times` runs after a first one that warms up; of the first one alone when that is long.
fn measured<T>(
    times: usize,
    mut run: impl FnMut() -> Result<T, ComputeError>,
) -> Result<(T, Duration), ComputeError> {
    let start = Instant::now();
    let mut value = run()?;
    let first = start.elapsed();
    if first > LONG {
        return Ok((value, first));
    }
    let start = Instant::now();
    for _ in 0..times {
        value = run()?;
    }
    Ok((value, start.elapsed() / u32::try_from(times.max(1)).unwrap_or(1)))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1)
}
