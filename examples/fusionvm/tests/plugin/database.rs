//! The database that a node gives to its plugin, in memory, whose power can fail at any write.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::wire::rpcdb::database_server::Database;
use fusionvm::plugin::proto::rpcdb::*;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;
/// As many bytes go into one answer of an iterator.
const PAGE_BYTES: usize = 128 << 10;

/// When the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// At which write, from 0.
    pub(super) at: u64,
    /// Whether that write has arrived.
    pub(super) is_written: bool,
}

/// A power failure to come, and who is told of it.
type Scheduled = (Cut, mpsc::UnboundedSender<()>);

/// Clones are the same database, as it is left from one plugin to the next.
#[derive(Clone, Default)]
pub(super) struct MemoryDatabase {
    entries: Arc<Mutex<Entries>>,
    iterators: Arc<Mutex<BTreeMap<u64, VecDeque<PutRequest>>>>,
    next: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    cut: Arc<Mutex<Option<Scheduled>>>,
}

impl MemoryDatabase {
    /// Lets the power fail; the receiver hears of it. That write is never answered.
    pub(super) fn cut(&self, cut: Cut) -> mpsc::UnboundedReceiver<()> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.writes.store(0, Ordering::SeqCst);
        *self.cut.lock().unwrap() = Some((cut, sender));
        receiver
    }

    /// The power is back.
    pub(super) fn mend(&self) {
        *self.cut.lock().unwrap() = None;
    }

    pub(super) fn open_iterators(&self) -> usize {
        self.iterators.lock().unwrap().len()
    }
}

fn ok<T>(reply: T) -> Result<Response<T>, Status> {
    Ok(Response::new(reply))
}

#[tonic::async_trait]
impl Database for MemoryDatabase {
    async fn has(&self, request: Request<HasRequest>) -> Result<Response<HasResponse>, Status> {
        let has = self.entries.lock().unwrap().contains_key(&request.into_inner().key);
        ok(HasResponse { has, err: 0 })
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.entries.lock().unwrap().get(&request.into_inner().key).cloned();
        let err = if value.is_some() { Error::Unspecified } else { Error::NotFound };
        ok(GetResponse { value: value.unwrap_or_default(), err: err.into() })
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        Err(Status::internal("a write that is no batch"))
    }

    async fn delete(&self, _: Request<DeleteRequest>) -> Result<Response<DeleteResponse>, Status> {
        Err(Status::internal("a write that is no batch"))
    }

    async fn compact(&self, _: Request<CompactRequest>) -> Result<Response<CompactResponse>, Status> {
        ok(CompactResponse::default())
    }

    async fn close(&self, _: Request<CloseRequest>) -> Result<Response<CloseResponse>, Status> {
        ok(CloseResponse::default())
    }

    async fn health_check(&self, _: Request<()>) -> Result<Response<HealthCheckResponse>, Status> {
        ok(HealthCheckResponse::default())
    }

    async fn write_batch(
        &self,
        request: Request<WriteBatchRequest>,
    ) -> Result<Response<WriteBatchResponse>, Status> {
        let WriteBatchRequest { puts, deletes } = request.into_inner();
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        let cut = self.cut.lock().unwrap().clone().filter(|(cut, _)| cut.at == number);
        if cut.as_ref().is_none_or(|(cut, _)| cut.is_written) {
            // As the node does it: all puts, then all deletes.
            let mut entries = self.entries.lock().unwrap();
            entries.extend(puts.into_iter().map(|put| (put.key, put.value)));
            deletes.iter().for_each(|delete| drop(entries.remove(&delete.key)));
        }
        if let Some((_, told)) = cut {
            told.send(()).unwrap();
            std::future::pending::<()>().await;
        }
        ok(WriteBatchResponse::default())
    }

    async fn new_iterator_with_start_and_prefix(
        &self,
        request: Request<NewIteratorWithStartAndPrefixRequest>,
    ) -> Result<Response<NewIteratorWithStartAndPrefixResponse>, Status> {
        let NewIteratorWithStartAndPrefixRequest { start, prefix } = request.into_inner();
        let entries = self.entries.lock().unwrap();
        let found = entries.iter().filter(|(key, _)| key.starts_with(&prefix) && **key >= start);
        let found = found.map(|(key, value)| PutRequest { key: key.clone(), value: value.clone() }).collect();
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        self.iterators.lock().unwrap().insert(id, found);
        ok(NewIteratorWithStartAndPrefixResponse { id })
    }

    async fn iterator_next(
        &self,
        request: Request<IteratorNextRequest>,
    ) -> Result<Response<IteratorNextResponse>, Status> {
        let mut iterators = self.iterators.lock().unwrap();
        let rest =
            iterators.get_mut(&request.into_inner().id).ok_or_else(|| Status::unknown("no iterator"))?;
        let (mut data, mut used) = (Vec::new(), 0);
        while used < PAGE_BYTES
            && let Some(entry) = rest.pop_front()
        {
            used += entry.key.len() + entry.value.len();
            data.push(entry);
        }
        ok(IteratorNextResponse { data })
    }

    async fn iterator_error(
        &self,
        _: Request<IteratorErrorRequest>,
    ) -> Result<Response<IteratorErrorResponse>, Status> {
        ok(IteratorErrorResponse::default())
    }

    async fn iterator_release(
        &self,
        request: Request<IteratorReleaseRequest>,
    ) -> Result<Response<IteratorReleaseResponse>, Status> {
        self.iterators.lock().unwrap().remove(&request.into_inner().id);
        ok(IteratorReleaseResponse::default())
    }
}
