//! Watching every tensor that the networks compute.

use dfsn_consensus::exact::{Program, TensorData};

use super::NetworkCall;

/// One tensor that an op wrote.
#[derive(Debug)]
pub struct TracedTensor<'a> {
    /// The call of a network.
    pub call: NetworkCall,
    /// What it computes.
    pub program: &'a Program,
    /// The op in the program.
    pub op: usize,
    /// Which of its outputs.
    pub output: usize,
    /// Which picture or prompt of the call.
    pub image: usize,
    /// The numbers, as the definition has them.
    pub data: &'a TensorData,
}

impl TracedTensor<'_> {
    /// The commitment to the tensor (EXA-02).
    pub fn root(&self) -> Option<[u8; 32]> {
        let id = self.program.ops().get(self.op)?.outputs.get(self.output)?;
        Some(self.data.root(self.program.tensor(*id)?))
    }

    /// The op's kind without its parameters, such as `Conv`.
    pub fn kind(&self) -> String {
        self.program.ops().get(self.op).map(|op| op.kind.name()).unwrap_or_default()
    }
}

/// Is told every tensor of every call.
pub(super) struct Tracer(pub(super) Box<dyn FnMut(&TracedTensor<'_>) + Send>);

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tracer")
    }
}
