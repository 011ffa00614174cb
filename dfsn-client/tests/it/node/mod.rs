//! A node: the chain behind the server end of the in-process transport, in a task of its own.

pub(crate) mod drawing;
pub(crate) mod genesis;
mod validator;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dfsn_client::transport::{
    Call, InProcess, InProcessServer, Notification, Shown, Transport, TransportError, in_process,
};
use dfsn_client::{Client, ClientConfig, ClientError, JobEvent, PendingJob};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{ChainVm, InstantSeal, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits, Rules, gas};
use dfsn_types::{
    Address, Amount, Attempt, DurationMs, FileHash, GenerationParams, GenerationRequest, ImageSize, JobId,
    Nonce, SecretKey, SignedTransaction, Timestamp, Transaction, TransactionKind,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use genesis::{address, genesis, pair, sealer, user_key};
use validator::{Validator, Work};

/// Somebody who is paid and has never sent anything.
pub(crate) const SOMEBODY: Address = Address::from_bytes([0x50; 20]);

/// A running node, and a door to its inside.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) transport: InProcess,
    chain: Arc<Mutex<Chain>>,
    changed: Arc<Notify>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
pub(crate) struct Chain {
    engine: InstantSeal<ChainVm<MemoryStore>>,
    validators: Vec<Validator>,
    pub(crate) files: BTreeMap<FileHash, Vec<u8>>,
    clock: Timestamp,
    /// Builds no blocks.
    is_held: bool,
    /// Notifications of another job's progress that follow the next block.
    pub(crate) noise: usize,
    /// Tells everybody that they are rich.
    pub(crate) lies: bool,
    /// Its validators do nothing.
    pub(crate) lazy: bool,
}

impl Node {
    /// Starts at the genesis, in the runtime of the calling test.
    pub(crate) fn start() -> Self {
        let state = ChainState::genesis(&genesis()).unwrap();
        let config = VmConfig {
            only_builder: Some(state.sealer),
            builder_key: sealer(),
            fee_recipient: Address::from_bytes([0xb1; 20]),
            beacon: None,
            rules: Rules::default(),
        };
        let clock = state.tip.timestamp;
        let mempool = Mempool::new(MempoolLimits::default());
        let engine =
            InstantSeal::new(ChainVm::open(MemoryStore::default(), &state, mempool, config).unwrap());
        let validators = genesis::Keys::all().map(Validator::new).collect();
        let files = BTreeMap::new();
        let chain =
            Chain { engine, validators, files, clock, is_held: false, noise: 0, lies: false, lazy: false };
        let (chain, changed) = (Arc::new(Mutex::new(chain)), Arc::new(Notify::new()));
        let (transport, server) = in_process();
        let task = tokio::spawn(serve(Arc::clone(&chain), server, Arc::clone(&changed)));
        Self { transport, chain, changed, task }
    }

    pub(crate) fn client(&self, user: u8) -> Client<InProcess> {
        Client::new(self.transport.clone(), user_key(user))
    }

    pub(crate) fn client_with(&self, user: u8, config: ClientConfig) -> Client<InProcess> {
        Client::with_config(self.transport.clone(), user_key(user), config)
    }

    pub(crate) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap()
    }

    pub(crate) fn balance(&self, address: &Address) -> Amount {
        self.chain().state().balance(address)
    }

    pub(crate) fn base_fee(&self) -> Amount {
        self.chain().state().tip.base_fee_per_gas
    }

    /// Builds no blocks until it is released.
    pub(crate) fn hold(&self) {
        self.chain().is_held = true;
    }

    pub(crate) fn release(&self) {
        self.chain().is_held = false;
        self.changed.notify_one();
    }

    /// Waits until something waits for a block.
    pub(crate) async fn until_waiting(&self) {
        while !self.chain().wants_block() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until nothing does.
    pub(crate) async fn until_sealed(&self) {
        while self.chain().wants_block() {
            tokio::task::yield_now().await;
        }
    }

    /// Signs and submits a transaction behind the back of all clients.
    pub(crate) async fn submit(
        &self,
        key: &SecretKey,
        edit: impl FnOnce(&mut Transaction),
    ) -> Result<(), TransportError> {
        let signed = self.sign(key, edit);
        self.transport.submit(signed).await.map(drop)
    }

    fn sign(&self, key: &SecretKey, edit: impl FnOnce(&mut Transaction)) -> SignedTransaction {
        let state = self.chain().state().clone();
        let kind = TransactionKind::Transfer { to: SOMEBODY, amount: Amount::DFSN };
        let mut transaction = Transaction {
            chain_id: state.chain.chain_id,
            nonce: state.accounts.get(&address(key)).map_or(Nonce::ZERO, |account| account.nonce),
            gas_limit: gas::gas_of(&kind),
            max_fee_per_gas: state.tip.base_fee_per_gas,
            max_priority_fee_per_gas: Amount::ZERO,
            kind,
        };
        edit(&mut transaction);
        transaction.sign(&state.chain, key)
    }

    /// Stops for good; the chain stays for the test to look at.
    pub(crate) async fn stop(self) -> InProcess {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.transport
    }
}

impl Chain {
    pub(crate) fn state(&self) -> &ChainState {
        self.engine.vm().state()
    }

    fn wants_block(&self) -> bool {
        self.engine.vm().wants_block(self.clock)
    }

    /// Builds the next block if one is wanted, and lets the validators act on it.
    fn seal(&mut self, step: DurationMs) -> Vec<Notification> {
        self.clock = self.clock.after(step);
        let Some(accepted) = self.engine.seal(self.clock).unwrap() else { return Vec::new() };
        let mut told = vec![Notification::Block {
            height: accepted.block.header().height,
            receipts: accepted.receipts.transactions,
            events: accepted.receipts.events,
        }];
        let mut work = Work::default();
        let state = self.state().clone();
        for validator in self.validators.iter_mut().filter(|_| !self.lazy) {
            validator.work(&state, &mut work);
        }
        self.files.extend(work.files.into_iter().map(|file| (FileHash::of(&file), file)));
        for duty in work.duties {
            self.engine.vm_mut().submit_duty(duty).unwrap();
        }
        told.extend(work.progress);
        let (job, attempt) = (JobId::from_bytes([0xff; 32]), Attempt::FIRST);
        let noise = Notification::Progress { job, attempt, image: 0, step: 1, steps: 1 };
        told.extend(std::iter::repeat_n(noise, std::mem::take(&mut self.noise)));
        told
    }

    fn answer(&mut self, call: Call) {
        let vm = self.engine.vm();
        let call = match call {
            Call::ProveAccount(address, reply) if self.lies => {
                let (height, mut answer) = (vm.state().tip.height, vm.state().prove_account(&address));
                answer.record.as_mut().expect("somebody").balance = Amount::from_dfsn(1_000_000);
                return drop(reply.send(Shown { height, answer }));
            }
            call => call.answer(vm),
        };
        match call {
            None => {}
            Some(Call::Blob(hash, reply)) => drop(reply.send(self.files.get(&hash).cloned())),
            Some(Call::Submit(transaction, reply)) => {
                let result = self.engine.vm_mut().submit_transaction(transaction);
                drop(reply.send(result.map_err(|error| TransportError::Refused(error.to_string()))));
            }
            Some(Call::Receipt(_, reply)) => {
                drop(reply.send(Err(TransportError::Unsupported("this node has no index".to_owned()))));
            }
            call => panic!("no test sends {call:?}"),
        }
    }
}

async fn serve(chain: Arc<Mutex<Chain>>, mut server: InProcessServer, changed: Arc<Notify>) {
    let publish = |server: &InProcessServer, told: Vec<Notification>| {
        told.into_iter().for_each(|notification| server.publish(notification));
    };
    loop {
        let has_open_jobs = {
            let mut chain = chain.lock().unwrap();
            while !chain.is_held && chain.wants_block() {
                let told = chain.seal(DurationMs::new(1_000));
                publish(&server, told);
            }
            !chain.is_held && chain.state().has_open_jobs()
        };
        tokio::select! {
            call = server.next_call() => match call {
                Some(call) => chain.lock().unwrap().answer(call),
                None => return,
            },
            () = changed.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(10)), if has_open_jobs => {
                let mut chain = chain.lock().unwrap();
                let step = chain.state().params.chain.clock_step_ms;
                let told = chain.seal(step);
                publish(&server, told);
            }
        }
    }
}

/// The next event of a job. A wait that would never end fails the test instead of hanging it.
pub(crate) async fn next_event<T: Transport>(
    job: &mut PendingJob<T>,
) -> Result<Option<JobEvent>, ClientError> {
    let most = Duration::from_secs(86_400);
    tokio::time::timeout(most, job.next_event()).await.expect("no event for a day")
}

pub(crate) fn params(seed: u32, images: u8) -> GenerationParams {
    let size = ImageSize::new(64, 64).unwrap();
    GenerationParams::builder(pair().model, pair().profile, "a red fox", size)
        .seed(seed)
        .num_images(images)
        .build()
        .unwrap()
}

pub(crate) const fn request(params: GenerationParams, price_per_unit: Amount) -> GenerationRequest {
    GenerationRequest { params, price_per_unit, expires_ms: DurationMs::new(900_000), unaudited: false }
}
