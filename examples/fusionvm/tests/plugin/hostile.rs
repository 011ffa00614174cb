//! Peers that mean no good, and a node that sends nonsense.

use std::io::Write;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use fusionvm::plugin::proto::vm;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

use super::database::MemoryDatabase;
use super::host::{Host, Sent};
use super::{network, submit};

/// Bytes that are thrown at the plugin.
const NONSENSE_BYTES: usize = 10 << 20;

/// A generator of nonsense, the same each time.
struct Nonsense(u64);

impl Nonsense {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.flatten().take(length).collect()
    }

    /// A message with something wrong in it.
    fn spoilt(&mut self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(message.len());
            match self.below(3) {
                0 => message[at] ^= 1 << self.below(8),
                1 => message.truncate(at.max(1)),
                _ => message.extend(self.bytes(8)),
            }
        }
        message
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_are_never_answered_with_an_error() {
    let (network, sender) = network();
    let mut host = Host::normal(&network, &MemoryDatabase::default()).await;
    submit(&mut host, &sender.transfer(0)).await;
    let Sent::Gossip(gossip) = host.sent().await else { panic!("something else was sent") };
    let mut nonsense = Nonsense(1);
    for round in 0..200 {
        let msg: Bytes = if round % 2 == 0 {
            let length = nonsense.below(1_000);
            nonsense.bytes(length)
        } else {
            nonsense.spoilt(&gossip.msg)
        }
        .into();
        let length = nonsense.below(64);
        let node_id: Bytes = nonsense.bytes(length).into();
        let node = || node_id.clone();
        host.vm.app_gossip(vm::AppGossipMsg { node_id: node(), msg: msg.clone() }).await.unwrap();
        let request =
            vm::AppRequestMsg { node_id: node(), request_id: round, deadline: None, request: msg.clone() };
        host.vm.app_request(request).await.unwrap();
        let response = vm::AppResponseMsg { node_id: node(), request_id: round, response: msg };
        host.vm.app_response(response).await.unwrap();
        let failed = vm::AppRequestFailedMsg { node_id: node(), request_id: round, ..Default::default() };
        host.vm.app_request_failed(failed).await.unwrap();
        host.vm.connected(vm::ConnectedRequest { node_id: node(), ..Default::default() }).await.unwrap();
        host.vm.disconnected(vm::DisconnectedRequest { node_id: node() }).await.unwrap();
    }
    // Who asked is told that there is no answer.
    let mut refused = 0;
    while refused < 200 {
        match host.sent().await {
            Sent::Error(error) => {
                assert!(error.error_code > 0, "{error:?}");
                refused += 1;
            }
            Sent::Gossip(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(host.next_block().await.height, 1);
    host.shut_down().await;
}

const METHODS: [&str; 26] = [
    "/vm.VM/Initialize",
    "/vm.VM/SetState",
    "/vm.VM/CreateHandlers",
    "/vm.VM/NewHTTPHandler",
    "/vm.VM/Connected",
    "/vm.VM/Disconnected",
    "/vm.VM/BuildBlock",
    "/vm.VM/ParseBlock",
    "/vm.VM/GetBlock",
    "/vm.VM/SetPreference",
    "/vm.VM/Health",
    "/vm.VM/Version",
    "/vm.VM/AppRequest",
    "/vm.VM/AppRequestFailed",
    "/vm.VM/AppResponse",
    "/vm.VM/AppGossip",
    "/vm.VM/Gather",
    "/vm.VM/GetAncestors",
    "/vm.VM/BatchedParseBlock",
    "/vm.VM/GetBlockIDAtHeight",
    "/vm.VM/BlockVerify",
    "/vm.VM/BlockAccept",
    "/vm.VM/BlockReject",
    "/http.HTTP/HandleSimple",
    "/http.HTTP/Handle",
    "/vm.VM/NoSuchMethod",
];

/// Carries bytes as they are.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_of_nonsense_are_survived() {
    let (network, sender) = network();
    let mut host = Host::normal(&network, &MemoryDatabase::default()).await;
    submit(&mut host, &sender.transfer(0)).await;
    let block = host.next_block().await;
    let sample = prost::Message::encode_to_vec(&vm::ParseBlockRequest { bytes: block.bytes.clone() });

    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", host.plugin)).unwrap();
    let mut client = tonic::client::Grpc::new(channel.connect().await.unwrap());
    let (mut nonsense, mut thrown) = (Nonsense(7), 0);
    while thrown < NONSENSE_BYTES {
        let message = match nonsense.below(8) {
            0..4 => nonsense.spoilt(&sample),
            4..7 => {
                let length = nonsense.below(4_096);
                nonsense.bytes(length)
            }
            _ => {
                let length = nonsense.below(512 << 10);
                nonsense.bytes(length)
            }
        };
        thrown += message.len();
        let method = METHODS[nonsense.below(METHODS.len())];
        client.ready().await.unwrap();
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(method);
        // An error or an answer: nobody waits for ever, and nothing breaks.
        let _ = client.unary(Request::new(Bytes::from(message)), path, Raw).await;
    }
    // Nor do bytes that are no HTTP/2.
    for _ in 0..50 {
        let mut stream = std::net::TcpStream::connect(host.plugin).unwrap();
        let length = nonsense.below(10_000);
        let _ = stream.write_all(&nonsense.bytes(length));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;

    host.set_state(vm::State::NormalOp).await;
    host.prefer(&block.id).await;
    submit(&mut host, &sender.transfer(1)).await;
    assert_eq!(host.next_block().await.height, 2);
    host.shut_down().await;
}
