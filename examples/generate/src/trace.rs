//! What drawing went through, for `--dump-trace`: boundaries from the pipeline, tensors from the engine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dfsn_compute::exact::{NetworkCall, TracedTensor};
use dfsn_compute::{Provenance, TraceLine};
use dfsn_types::ProfileRecord;

/// The lines of a trace file so far. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    keeps_states: bool,
    lines: Vec<TraceLine>,
    /// The picture that is drawn, once there is one.
    image: Option<u8>,
    /// The next boundary.
    t: u16,
    calls: u32,
}

impl Trace {
    pub(crate) fn new(keeps_states: bool) -> Self {
        Self(Arc::new(Mutex::new(Lines { keeps_states, lines: Vec::new(), image: None, t: 0, calls: 0 })))
    }

    /// A picture begins.
    pub(crate) fn begin(&self, image: u8, profile: ProfileRecord, provenance: Option<Provenance>) {
        let mut lines = self.lock();
        (lines.image, lines.t) = (Some(image), 0);
        lines.lines.push(TraceLine::Picture { image, profile, dfsn: provenance.map(Box::new) });
    }

    /// The next boundary of the picture.
    pub(crate) fn boundary(&self, bytes: &[u8]) {
        let mut lines = self.lock();
        let Some(image) = lines.image else { return };
        let line = TraceLine::boundary(image, lines.t, bytes, lines.keeps_states);
        lines.lines.push(line);
        lines.t += 1;
    }

    /// A tensor of an op.
    pub(crate) fn tensor(&self, tensor: &TracedTensor<'_>) {
        let mut lines = self.lock();
        let Some(image) = lines.image else { return };
        if (tensor.op, tensor.output, tensor.image) == (0, 0, 0) {
            lines.calls += 1;
        }
        let root = tensor.root().unwrap_or_default();
        let line = TraceLine::Tensor {
            image,
            t: lines.t,
            network: network(tensor.call).to_owned(),
            call: lines.calls.saturating_sub(1),
            prompt: tensor.image,
            op: tensor.op,
            kind: tensor.kind(),
            output: tensor.output,
            root: blake3::Hash::from(root).to_hex().to_string(),
        };
        lines.lines.push(line);
    }

    /// The file.
    pub(crate) fn to_file(&self) -> Result<String, serde_json::Error> {
        let lines = self.lock();
        lines.lines.iter().map(|line| Ok(serde_json::to_string(line)? + "\n")).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn network(call: NetworkCall) -> &'static str {
    match call {
        NetworkCall::TextEncoder { encoder: 0, .. } => "text_encoder",
        NetworkCall::TextEncoder { .. } => "text_encoder_2",
        NetworkCall::UNet { .. } => "unet",
        NetworkCall::Decoder { .. } => "decoder",
        NetworkCall::Encoder { .. } => "encoder",
    }
}
