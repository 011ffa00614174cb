//! Signed messages about a job, to a web server on a real socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dfsn_client::transport::RetryPolicy;
use dfsn_client::view::JobStatus;
use dfsn_client::webhook::{ReadError, Told, Webhook, WebhookError, What, read};
use dfsn_types::{Event, JobId};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::node::{Node, params, request};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G";

type Message = (HeaderMap, Vec<u8>);

/// A web server that answers with the statuses it is given, then 204, and keeps what it was told.
struct Receiver {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut statuses) = (Arc::clone(&told), VecDeque::from(statuses.to_vec()));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let status = statuses.pop_front().unwrap_or(204);
                let message = answer(stream, status).await;
                kept.lock().unwrap().push(message);
            }
        });
        Self { address, told }
    }

    fn webhook(&self) -> Webhook {
        let quick = RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
        Webhook::new(&format!("http://{}/pictures", self.address), SECRET).unwrap().retry(quick)
    }

    fn told(&self) -> Vec<Message> {
        self.told.lock().unwrap().clone()
    }
}

/// Reads one request and closes the connection.
async fn answer(stream: TcpStream, status: u16) -> Message {
    let mut stream = BufReader::new(stream);
    let (mut headers, mut line) = (HeaderMap::new(), String::new());
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line.trim(), "POST /pictures HTTP/1.1");
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    (headers, body)
}

fn told() -> Told {
    Told { job: JobId::from_bytes([7; 32]), what: What::Status(JobStatus::Accepted) }
}

#[tokio::test]
async fn a_receiver_is_told_all_that_happens_to_a_job() {
    let (node, receiver) = (Node::start(), Receiver::start(&[]).await);
    let user = node.client(0);
    let price = user.quote(&params(1, 1)).await.unwrap().price_per_unit;
    let mut job = user.generate(request(params(1, 1), price)).await.unwrap();
    let id = job.id();
    let acknowledging = tokio::spawn({
        let user = user.clone();
        async move { user.follow(id).await.unwrap().pictures().await.unwrap() }
    });
    receiver.webhook().follow(&mut job).await.unwrap();
    assert_eq!(acknowledging.await.unwrap().len(), 1);
    let told: Vec<Told> =
        receiver.told().iter().map(|(headers, body)| read(SECRET, headers, body).unwrap()).collect();
    assert!(told.iter().all(|told| told.job == id));
    assert!(matches!(told.first().unwrap().what, What::Event(Event::JobRequested { .. })), "{told:?}");
    assert!(matches!(told.last().unwrap().what, What::Event(Event::JobSettled { .. })), "{told:?}");
}

#[tokio::test]
async fn a_receiver_that_is_busy_is_told_again_by_the_same_id() {
    let receiver = Receiver::start(&[503, 429]).await;
    receiver.webhook().tell(&told()).await.unwrap();
    let messages = receiver.told();
    let ids: Vec<_> = messages.iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
    assert_eq!(ids, vec![ids[0].clone(); 3]);

    let receiver = Receiver::start(&[500; 9]).await;
    let error = receiver.webhook().tell(&told()).await.unwrap_err();
    assert!(matches!(error, WebhookError::Unreachable { tries: 5, .. }), "{error}");

    let receiver = Receiver::start(&[410]).await;
    let error = receiver.webhook().tell(&told()).await.unwrap_err();
    assert!(matches!(error, WebhookError::Refused { .. }) && receiver.told().len() == 1, "{error}");
}

#[tokio::test]
async fn only_what_was_signed_with_the_secret_is_read() {
    let receiver = Receiver::start(&[]).await;
    receiver.webhook().tell(&told()).await.unwrap();
    let (headers, body) = receiver.told().remove(0);
    assert_eq!(read(SECRET, &headers, &body).unwrap(), told());

    let mut changed = body.clone();
    changed[10] ^= 1;
    assert!(matches!(read(SECRET, &headers, &changed), Err(ReadError::Signature(_))));
    let other = SECRET.replace('M', "N");
    assert!(matches!(read(&other, &headers, &body), Err(ReadError::Signature(_))));
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = headers.clone();
        without.remove(name);
        assert!(matches!(read(SECRET, &without, &body), Err(ReadError::Signature(_))), "no {name}");
        let mut other = headers.clone();
        other.insert(HeaderName::from_static(name), HeaderValue::from_static("1700000000"));
        assert!(matches!(read(SECRET, &other, &body), Err(ReadError::Signature(_))), "another {name}");
    }
    assert!(matches!(read(SECRET, &headers, &vec![b'1'; (1 << 20) + 1]), Err(ReadError::TooLong(_))));
}

#[test]
fn what_cannot_work_is_refused_at_once() {
    for url in ["shop.example.org", "ftp://shop.example.org/", "http://", ""] {
        assert!(matches!(Webhook::new(url, SECRET), Err(WebhookError::Url { .. })), "{url}");
    }
    for secret in ["", "whsec_", "whsec_c2hvcnQ=", "no base64, but as long as a secret has to be"] {
        assert!(matches!(Webhook::new("https://x.org/", secret), Err(WebhookError::Secret)), "{secret}");
    }
    let debug = format!("{:?}", Webhook::new("https://x.org/", SECRET).unwrap());
    assert!(!debug.contains("MfKQ"), "{debug}");
}
