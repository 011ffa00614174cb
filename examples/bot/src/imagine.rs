//! What people type: `/imagine a red fox --ar 3:2 --no text --seed 7`, with the flags of Midjourney.

use std::str::FromStr;

use dfsn_types::{
    GenerationParams, GenerationParamsError, GuidanceScale, ImageSize, ImageSizeError, ModelRecord,
    ProfileId, SchedulerKind,
};
use thiserror::Error;

/// Steps at `--quality 1`.
const STEPS: u16 = 20;
/// What people are told.
pub(crate) const HELP: &str = "\
/imagine PROMPT, then any of:
  --ar W:H        shape of the picture, such as 3:2
  --no TEXT       what to keep away from
  --seed N        the same seed draws the same picture
  --repeat N      1 to 4 pictures, with seeds from N on
  --quality Q     0.25, 0.5, 1 or 2: how many steps
  --steps N       steps, 1 to 150
  --cfg X         how closely to follow the prompt, 0 to 100
  --sampler NAME  ddim, euler, dpmpp_2m, …
/balance tells what the bot has left, /help this.";

/// A message that is a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Draw something.
    Imagine(Imagine),
    /// What is left of the bot's coins?
    Balance,
    /// What can I type?
    Help,
}

/// What to draw, before it is fitted to a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Imagine {
    prompt: String,
    negative_prompt: String,
    ratio: Option<(u16, u16)>,
    seed: Option<u32>,
    images: Option<u8>,
    steps: Option<u16>,
    guidance_thousandths: Option<u32>,
    scheduler: Option<SchedulerKind>,
}

/// What cannot be read or drawn.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ImagineError {
    /// Not addressed to the bot.
    #[error("type /imagine and what to draw, or /help")]
    NoCommand,
    /// Another command.
    #[error("there is no command {0}: try /help")]
    UnknownCommand(String),
    /// Nothing to draw.
    #[error("what shall I draw? /imagine a red fox")]
    NoPrompt,
    /// A flag that this bot does not have.
    #[error("there is no flag {0}: try /help")]
    UnknownFlag(String),
    /// A flag twice.
    #[error("{0} stands there twice")]
    Twice(&'static str),
    /// A flag without, or with another value than it takes.
    #[error("{flag} takes {expected}, not {value:?}")]
    Value {
        /// Which.
        flag: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What it was given.
        value: String,
    },
    /// Out of range.
    #[error(transparent)]
    Params(#[from] GenerationParamsError),
    /// A shape that the model has no size for.
    #[error("the model draws no picture of that shape: {0}")]
    Size(#[from] ImageSizeError),
}

impl FromStr for Command {
    type Err = ImagineError;

    fn from_str(text: &str) -> Result<Self, ImagineError> {
        let text = text.trim();
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        // In groups commands carry the bot's name: /imagine@name.
        match command.split('@').next().unwrap_or_default() {
            "/imagine" => rest.parse().map(Self::Imagine),
            "/balance" => Ok(Self::Balance),
            "/help" | "/start" => Ok(Self::Help),
            other if other.starts_with('/') => Err(ImagineError::UnknownCommand(other.to_owned())),
            _ => Err(ImagineError::NoCommand),
        }
    }
}

impl FromStr for Imagine {
    type Err = ImagineError;

    fn from_str(text: &str) -> Result<Self, ImagineError> {
        let mut imagine = Self::default();
        // Phones turn two hyphens into a dash.
        let is_flag = |word: &&str| word.starts_with("--") || word.starts_with('\u{2014}');
        let mut words = text.split_whitespace().peekable();
        imagine.prompt = join(std::iter::from_fn(|| words.next_if(|word| !is_flag(word))));
        let mut seen = Vec::new();
        while let Some(word) = words.next() {
            let name = word.trim_start_matches(['-', '\u{2014}']);
            let flag = flag_of(name).ok_or_else(|| ImagineError::UnknownFlag(format!("--{name}")))?;
            if seen.contains(&flag) {
                return Err(ImagineError::Twice(flag));
            }
            seen.push(flag);
            let value = join(std::iter::from_fn(|| words.next_if(|word| !is_flag(word))));
            imagine.set(flag, value)?;
        }
        if imagine.prompt.is_empty() { Err(ImagineError::NoPrompt) } else { Ok(imagine) }
    }
}

fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// A flag's one name, of the names that people use.
fn flag_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "ar" | "aspect" => "--ar",
        "no" => "--no",
        "seed" => "--seed",
        "repeat" | "r" => "--repeat",
        "quality" | "q" => "--quality",
        "steps" => "--steps",
        "cfg" | "guidance" => "--cfg",
        "sampler" | "scheduler" => "--sampler",
        _ => return None,
    })
}

impl Imagine {
    fn set(&mut self, flag: &'static str, value: String) -> Result<(), ImagineError> {
        let wrong = |expected| ImagineError::Value { flag, expected, value: value.clone() };
        match flag {
            "--ar" => {
                self.ratio = Some(ratio(&value).ok_or_else(|| wrong("a shape such as 3:2, up to 8:1"))?)
            }
            "--no" if value.is_empty() => return Err(wrong("some text")),
            "--no" => self.negative_prompt = value,
            "--seed" => self.seed = Some(value.parse().map_err(|_| wrong("a number up to 4294967295"))?),
            "--repeat" => {
                let images =
                    value.parse().ok().filter(|images| (1..=GenerationParams::MAX_IMAGES).contains(images));
                self.images = Some(images.ok_or_else(|| wrong("1, 2, 3 or 4"))?);
            }
            "--quality" => self.steps = Some(quality(&value).ok_or_else(|| wrong("0.25, 0.5, 1 or 2"))?),
            "--steps" => {
                let steps =
                    value.parse().ok().filter(|steps| (1..=GenerationParams::MAX_STEPS).contains(steps));
                self.steps = Some(steps.ok_or_else(|| wrong("a number from 1 to 150"))?);
            }
            "--cfg" => {
                let most = f64::from(GuidanceScale::MAX_THOUSANDTHS);
                let guidance = value.parse().ok().map(|scale: f64| (scale * 1000.0).round());
                let guidance = guidance.filter(|guidance| (0.0..=most).contains(guidance));
                self.guidance_thousandths =
                    Some(guidance.ok_or_else(|| wrong("a number from 0 to 100"))? as u32);
            }
            _ => self.scheduler = Some(value.parse().map_err(|_| wrong(scheduler_names()))?),
        }
        Ok(())
    }

    /// What to ask the network for: the model's own size, in the shape asked for. Where no seed was given, `seed` is it.
    pub(crate) fn params(
        &self,
        model: &ModelRecord,
        profile: ProfileId,
        seed: u32,
    ) -> Result<GenerationParams, ImagineError> {
        let size = size(model, self.ratio.unwrap_or((1, 1)))?;
        let mut builder = GenerationParams::builder(model.id, profile, self.prompt.as_str(), size)
            .negative_prompt(self.negative_prompt.as_str())
            .seed(self.seed.unwrap_or(seed))
            .num_inference_steps(self.steps.unwrap_or(STEPS))
            .num_images(self.images.unwrap_or(1));
        if let Some(guidance) = self.guidance_thousandths {
            builder = builder.guidance_thousandths(guidance);
        }
        if let Some(scheduler) = self.scheduler {
            builder = builder.scheduler(scheduler);
        }
        Ok(builder.build()?)
    }
}

fn ratio(text: &str) -> Option<(u16, u16)> {
    let (width, height) = text.split_once(':')?;
    let (width, height): (u16, u16) = (width.trim().parse().ok()?, height.trim().parse().ok()?);
    let (short, long) = (width.min(height), width.max(height));
    (short > 0 && long <= short.saturating_mul(8)).then_some((width, height))
}

fn quality(text: &str) -> Option<u16> {
    Some(match text {
        "0.25" | ".25" => STEPS / 4,
        "0.5" | ".5" => STEPS / 2,
        "1" => STEPS,
        "2" => 2 * STEPS,
        _ => return None,
    })
}

const fn scheduler_names() -> &'static str {
    "ddim, euler, pndm, euler_ancestral, dpmpp_2m, unipc, lcm, ddpm, euler_karras, dpmpp_2m_karras or unipc_karras"
}

/// As many pixels as the model's own size has, or a little fewer, in the shape asked for and within its bounds.
fn size(model: &ModelRecord, (width, height): (u16, u16)) -> Result<ImageSize, ImageSizeError> {
    let own = model.test_size;
    let pixels = f64::from(own.height()) * f64::from(own.width());
    let side = |this: u16, other: u16| {
        let ideal = (pixels * f64::from(this) / f64::from(other)).sqrt();
        let multiple = model.size_multiple.max(1);
        let fitted = (ideal / f64::from(multiple)).round() as u16 * multiple;
        fitted.clamp(multiple, model.size_max)
    };
    ImageSize::new(side(height, width), side(width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, expected: &str) {
        let error = text.parse::<Command>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }

    #[test]
    fn flags_stand_behind_the_prompt_in_any_order() {
        let command = "/imagine@dfsn  a red fox,  running --seed 7 --no text, frames \u{2014}ar 3:2 --q .5 --r 2 --cfg 4.5 --sampler euler";
        let Command::Imagine(imagine) = command.parse().unwrap() else { panic!("a command to draw") };
        let expected = Imagine {
            prompt: "a red fox, running".to_owned(),
            negative_prompt: "text, frames".to_owned(),
            ratio: Some((3, 2)),
            seed: Some(7),
            images: Some(2),
            steps: Some(10),
            guidance_thousandths: Some(4_500),
            scheduler: Some(SchedulerKind::Euler),
        };
        assert_eq!(imagine, expected);
        assert_eq!("/help".parse(), Ok(Command::Help));
        assert_eq!(" /balance ".parse(), Ok(Command::Balance));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        refused("hello", "type /imagine");
        refused("/draw a fox", "no command /draw");
        refused("/imagine", "what shall I draw");
        refused("/imagine --seed 7", "what shall I draw");
        refused("/imagine a fox --v 6", "no flag --v");
        refused("/imagine a fox --seed 1 --seed 2", "--seed stands there twice");
        refused("/imagine a fox --seed -1", "--seed takes a number up to 4294967295, not \"-1\"");
        refused("/imagine a fox --ar 0:1", "--ar takes a shape such as 3:2");
        refused("/imagine a fox --ar 9:1", "--ar takes a shape such as 3:2");
        refused("/imagine a fox --no", "--no takes some text");
        refused("/imagine a fox --repeat 5", "1, 2, 3 or 4");
        refused("/imagine a fox --cfg nan", "a number from 0 to 100");
        refused("/imagine a fox --cfg 100.001", "a number from 0 to 100");
        refused("/imagine a fox --steps 151", "1 to 150");
        refused("/imagine a fox --quality 3", "0.25, 0.5, 1 or 2");
        refused("/imagine a fox --sampler best", "dpmpp_2m");
    }

    #[test]
    fn every_scheduler_is_told() {
        for kind in SchedulerKind::ALL {
            assert!(scheduler_names().contains(kind.as_str()), "{kind}");
        }
    }
}
