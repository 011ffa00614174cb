//! The node's database as a store of the chain.

use std::collections::VecDeque;

use dfsn_consensus::store::{Entries, Entry, KvStore, StoreError, WriteBatch};
use tokio::runtime::Handle;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::proto::rpcdb::database_client::DatabaseClient;
use super::proto::rpcdb::{
    DeleteRequest, Error as DbError, GetRequest, IteratorErrorRequest, IteratorNextRequest,
    IteratorReleaseRequest, NewIteratorWithStartAndPrefixRequest, PutRequest, WriteBatchRequest,
};

/// A part of the node's database, under a prefix of its own. All calls wait for the node: they are for threads that may wait,
/// not for tasks.
#[derive(Clone, Debug)]
pub struct RpcStore {
    runtime: Handle,
    client: DatabaseClient<Channel>,
    prefix: u8,
}

impl RpcStore {
    /// Over a connection to the node, for keys that begin with `prefix`.
    pub fn new(runtime: Handle, channel: Channel, prefix: u8) -> Self {
        let client = DatabaseClient::new(channel)
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX);
        Self { runtime, client, prefix }
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        let mut whole = Vec::with_capacity(key.len() + 1);
        whole.push(self.prefix);
        whole.extend(key);
        whole
    }
}

fn away(status: &Status) -> StoreError {
    StoreError(format!("the node's database: {}", status.message()).into())
}

/// What the node says beside the answer.
fn checked(error: i32) -> Result<bool, StoreError> {
    match DbError::try_from(error) {
        Ok(DbError::Unspecified) => Ok(true),
        Ok(DbError::NotFound) => Ok(false),
        Ok(DbError::Closed) => Err(StoreError("the node's database is closed".into())),
        Err(_) => Err(StoreError(format!("the node's database says {error}").into())),
    }
}

impl KvStore for RpcStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let (mut client, key) = (self.client.clone(), self.key(key));
        let reply = self.runtime.block_on(client.get(GetRequest { key })).map_err(|status| away(&status))?;
        let reply = reply.into_inner();
        Ok(checked(reply.err)?.then_some(reply.value))
    }

    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError> {
        let mut client = self.client.clone();
        let request = NewIteratorWithStartAndPrefixRequest {
            start: self.key(start.max(prefix)),
            prefix: self.key(prefix),
        };
        let opened = self.runtime.block_on(client.new_iterator_with_start_and_prefix(request));
        let id = opened.map_err(|status| away(&status))?.into_inner().id;
        Ok(Box::new(Iter { store: self, id, page: VecDeque::new(), is_over: false }))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        // No key is in a batch twice, so that the node's order (all puts, then all deletes) is as good as any.
        let puts = batch.puts.into_iter().map(|(key, value)| PutRequest { key: self.key(&key), value });
        let puts = puts.collect();
        let deletes = batch.deletes.iter().map(|key| DeleteRequest { key: self.key(key) }).collect();
        let request = WriteBatchRequest { puts, deletes };
        let written = self.runtime.block_on(self.client.write_batch(request));
        checked(written.map_err(|status| away(&status))?.into_inner().err).map(drop)
    }
}

/// Entries, a page of the node's at a time. The node forgets the iterator when this is dropped.
struct Iter<'a> {
    store: &'a RpcStore,
    id: u64,
    page: VecDeque<Entry>,
    is_over: bool,
}

impl Iter<'_> {
    fn fetch(&mut self) -> Result<(), StoreError> {
        let (mut client, id) = (self.store.client.clone(), self.id);
        let reply: Result<Response<_>, Status> =
            self.store.runtime.block_on(client.iterator_next(IteratorNextRequest { id }));
        let pairs = reply.map_err(|status| away(&status))?.into_inner().data;
        if pairs.is_empty() {
            self.is_over = true;
            let end = self.store.runtime.block_on(client.iterator_error(IteratorErrorRequest { id }));
            return checked(end.map_err(|status| away(&status))?.into_inner().err).map(drop);
        }
        let stripped = |pair: PutRequest| (pair.key.get(1..).unwrap_or_default().to_vec(), pair.value);
        self.page.extend(pairs.into_iter().map(stripped));
        Ok(())
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Entry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.is_over
            && let Err(error) = self.fetch()
        {
            self.is_over = true;
            return Some(Err(error));
        }
        self.page.pop_front().map(Ok)
    }
}

impl Drop for Iter<'_> {
    fn drop(&mut self) {
        let (mut client, id) = (self.store.client.clone(), self.id);
        // A node that is gone has forgotten it, too.
        let _ = self.store.runtime.block_on(client.iterator_release(IteratorReleaseRequest { id }));
    }
}
