//! A picture that cannot be drawn since a number of its computation is none.

use std::fmt;

use dfsn_types::FailedAt;

/// Where a picture of the exact profile fails, whoever draws it (rule EXA-31): a result like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The first boundary that has no state: 0 before the first step, `t` after step `t`, one more for the decoder's output.
    pub boundary: u16,
    /// Steps of the picture.
    pub num_steps: u16,
    /// The first number that is none.
    pub at: FailedAt,
    /// The kind of operation that meets it; none in the inputs.
    pub kind: Option<String>,
}

impl Failed {
    /// How many boundaries have no state, this one included.
    pub const fn boundaries(&self) -> usize {
        (self.num_steps as usize + 2).saturating_sub(self.boundary as usize)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boundary, num_steps, at, kind } = self;
        match *boundary {
            0 => write!(f, "failed before the first step")?,
            t if t > *num_steps => write!(f, "failed in the decoder")?,
            t => write!(f, "failed at step {t} of {num_steps}")?,
        }
        match at {
            FailedAt::Inputs if *boundary == 0 => write!(f, ", at the picture to start from")?,
            FailedAt::Inputs => write!(f, ", at the prompt's embeddings")?,
            FailedAt::Number { call, op, element } => {
                let kind = kind.as_deref().unwrap_or("unknown");
                write!(f, ", program {call}, op {op} ({kind}), element {element}")?;
            }
        }
        write!(
            f,
            ": a number is not finite, on every machine; try another seed, a lower guidance scale or another model"
        )
    }
}
