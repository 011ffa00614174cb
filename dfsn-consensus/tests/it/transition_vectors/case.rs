//! One transition in its files.

use std::fs;
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::{Entry, KvStore, MemoryStore, WriteBatch, read_state, state_batch};
use dfsn_consensus::transition::state_transition;
use dfsn_consensus::{BlockRuleError, Rule, Rules};
use dfsn_types::{Block, BlockReceipts, UpgradeSchedule, codec};

const FILE_MAX: usize = 4 << 20;

/// A state and what is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) pre: ChainState,
    pub(super) upgrades: UpgradeSchedule,
    pub(super) block: Block,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted(Box<Post>),
    /// By this rule.
    Refused(String),
}

/// State and receipts afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) state: ChainState,
    pub(super) receipts: BlockReceipts,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct PostFile {
    state: Vec<Entry>,
    receipts: BlockReceipts,
}

impl Case {
    pub(super) fn new(pre: &ChainState, block: Block) -> Self {
        Self { pre: pre.clone(), upgrades: UpgradeSchedule::default(), block }
    }

    pub(super) fn run(&self) -> Outcome {
        let rules = Rules::new(self.upgrades.clone()).unwrap();
        let parent = match rules.at(&self.pre, self.block.header().timestamp) {
            Ok(parent) => parent,
            Err(error) => return Outcome::Refused(id(&error.to_string())),
        };
        match state_transition(&parent, &self.block) {
            Ok(transition) => {
                let (state, receipts) = (transition.state, transition.receipts);
                Outcome::Accepted(Box::new(Post { state, receipts }))
            }
            Err(error) => Outcome::Refused(innermost(&error)),
        }
    }

    /// Writes the files of a case into a new folder.
    pub(super) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
        write("pre", &codec::encode(&entries(&self.pre)));
        write("operation", &codec::encode(&(&self.upgrades, &self.block)));
        match self.run() {
            Outcome::Accepted(post) => {
                let Post { state, receipts } = *post;
                write("post", &codec::encode(&PostFile { state: entries(&state), receipts }));
            }
            Outcome::Refused(rule) => write("error", format!("{rule}\n").as_bytes()),
        }
    }
}

impl Outcome {
    /// What it is, without the bytes.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Accepted(post) => format!("accepted, root {}", post.state.root()),
            Self::Refused(rule) => format!("refused by {rule}"),
        }
    }
}

/// Reads a case and what comes of it, and says which files it read.
pub(super) fn read(folder: &Path) -> (Case, Outcome, Vec<PathBuf>) {
    let mut files = Vec::new();
    let mut file = |name: &str| {
        let path = folder.join(name);
        let bytes = fs::read(&path).ok();
        if bytes.is_some() {
            files.push(path);
        }
        bytes
    };
    let need = |name: &str, bytes: Option<Vec<u8>>| {
        bytes.unwrap_or_else(|| panic!("{} has no file {name}", folder.display()))
    };
    let pre = state(decode(&need("pre", file("pre"))));
    let (upgrades, block) = decode(&need("operation", file("operation")));
    let outcome = match (file("post"), file("error")) {
        (Some(bytes), None) => {
            let PostFile { state: entries, receipts } = decode(&bytes);
            Outcome::Accepted(Box::new(Post { state: state(entries), receipts }))
        }
        (None, Some(rule)) => Outcome::Refused(String::from_utf8(rule).unwrap().trim_end().to_owned()),
        _ => panic!("{} has either a post or an error", folder.display()),
    };
    (Case { pre, upgrades, block }, outcome, files)
}

fn decode<T: BorshDeserialize>(bytes: &[u8]) -> T {
    codec::decode(bytes, FILE_MAX).unwrap()
}

/// Tables 16 to 32 of chapter 12 of docs/spec, in the order of their keys.
fn entries(state: &ChainState) -> Vec<Entry> {
    let mut entries = state_batch(state).puts;
    entries.sort();
    entries
}

fn state(entries: Vec<Entry>) -> ChainState {
    let mut store = MemoryStore::default();
    store.write(WriteBatch { puts: entries, deletes: Vec::new() }).unwrap();
    read_state(&store).unwrap()
}

/// The rule that a block breaks: that of its duty or transaction, if it is one of theirs.
fn innermost(error: &BlockRuleError) -> String {
    match error {
        BlockRuleError::Duty { error, .. } => error.rule().to_string(),
        BlockRuleError::Include { error, .. } => error.rule().to_string(),
        other => other.rule().to_string(),
    }
}

fn id(message: &str) -> String {
    message.split(':').next().unwrap_or_default().to_owned()
}
