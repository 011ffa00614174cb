//! Serves many people at once: one request each, so many in all.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::artist::{Artist, News};
use crate::chat::{Chat, Incoming, Note};
use crate::error::{BotError, ChatError};
use crate::imagine::{Command, HELP, Imagine};

/// Requests at once. More are refused, so that nobody waits for the unseen.
const AT_ONCE: usize = 16;

/// Reads and answers until the chat ends or Ctrl-C, and then until what was asked for is drawn.
pub(crate) async fn serve(chat: Arc<dyn Chat>, artist: Arc<Artist>) -> Result<(), BotError> {
    let desk = Arc::new(Desk { chat, artist, busy: Mutex::default() });
    let mut tasks = JoinSet::new();
    let ended = loop {
        let message = tokio::select! {
            message = desk.chat.next() => message,
            _ = tokio::signal::ctrl_c() => break Ok(()),
        };
        while tasks.try_join_next().is_some() {}
        match message {
            Ok(Some(message)) => {
                // Here and not in the task: who writes first is served first.
                let order = Order::of(&desk, &message);
                let desk = Arc::clone(&desk);
                tasks.spawn(async move { desk.answer(message, order).await });
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    if !tasks.is_empty() {
        eprintln!("finishing what was asked for; Ctrl-C leaves at once");
    }
    tokio::select! {
        () = async { while tasks.join_next().await.is_some() {} } => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    ended
}

struct Desk {
    chat: Arc<dyn Chat>,
    artist: Arc<Artist>,
    /// People whose request is being drawn.
    busy: Mutex<HashSet<i64>>,
}

impl Desk {
    /// A message that cannot be answered is lost; the log says so.
    async fn answer(&self, message: Incoming, order: Order) {
        if let Err(error) = self.try_answer(&message, order).await {
            eprintln!("message {} of {}: {error}", message.id, message.from);
        }
    }

    async fn try_answer(&self, message: &Incoming, order: Order) -> Result<(), ChatError> {
        let text = match order {
            Order::Draw(imagine, _seat) => return self.imagine(message, &imagine).await,
            Order::Balance => self.artist.balance().await.unwrap_or_else(|error| error.to_string()),
            Order::Say(text) => text,
        };
        self.chat.say(message, &text).await.map(drop)
    }

    async fn imagine(&self, message: &Incoming, imagine: &Imagine) -> Result<(), ChatError> {
        let note = self.chat.say(message, "asking the network…").await?;
        let (sender, news) = mpsc::unbounded_channel();
        let draw = async move {
            // Bounded by a job's events and steps.
            let mut tell = |news| drop(sender.send(news));
            self.artist.draw(imagine, random_seed(), &mut tell).await
        };
        let (drawn, told) = tokio::join!(draw, self.tell(message, &note, news));
        match drawn {
            Ok(()) => told,
            Err(error) => self.chat.rewrite(&note, &error.to_string()).await,
        }
    }

    /// Turns news into words, no oftener than the chat likes.
    async fn tell(
        &self,
        message: &Incoming,
        note: &Note,
        mut news: mpsc::UnboundedReceiver<News>,
    ) -> Result<(), ChatError> {
        let (mut seed, mut last) = (0, None::<Instant>);
        while let Some(news) = news.recv().await {
            match news {
                News::Asked { price, seed: asked } => {
                    seed = asked;
                    self.chat.rewrite(note, &format!("asked for {price}; waiting for a worker")).await?;
                }
                News::Accepted => self.chat.rewrite(note, "a worker has begun").await?,
                News::Step { image, step, steps } => {
                    if last.is_none_or(|last| last.elapsed() >= self.chat.pause()) {
                        last = Some(Instant::now());
                        let text = format!("picture {}: step {step} of {steps}", u16::from(image) + 1);
                        self.chat.rewrite(note, &text).await?;
                    }
                }
                News::Again(why) => {
                    self.chat.rewrite(note, &format!("{why}; another one is looked for")).await?;
                }
                News::Pictures(pictures) => {
                    for (index, picture) in (0..).zip(&pictures) {
                        let caption = format!("--seed {}", seed.wrapping_add(index));
                        self.chat.show(message, picture, &caption).await?;
                    }
                    self.chat.rewrite(note, "drawn; being audited").await?;
                }
                News::Settled => self.chat.rewrite(note, "drawn, audited and paid").await?,
            }
        }
        Ok(())
    }
}

/// What is to be done about a message.
enum Order {
    Draw(Box<Imagine>, Seat),
    Balance,
    Say(String),
}

impl Order {
    fn of(desk: &Arc<Desk>, message: &Incoming) -> Self {
        match message.text.parse::<Command>() {
            Ok(Command::Help) => Self::Say(HELP.to_owned()),
            Ok(Command::Balance) => Self::Balance,
            Ok(Command::Imagine(imagine)) => match Seat::take(desk, message.from) {
                Ok(seat) => Self::Draw(Box::new(imagine), seat),
                Err(refusal) => Self::Say(refusal.to_owned()),
            },
            Err(error) => Self::Say(error.to_string()),
        }
    }
}

/// Somebody's place, given back when it is dropped.
struct Seat {
    desk: Arc<Desk>,
    who: i64,
}

impl Seat {
    fn take(desk: &Arc<Desk>, who: i64) -> Result<Self, &'static str> {
        let mut seats = desk.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.contains(&who) {
            return Err("one at a time: your last picture is being drawn");
        }
        if seats.len() >= AT_ONCE {
            return Err("too many pictures are being drawn, try again in a minute");
        }
        seats.insert(who);
        Ok(Self { desk: Arc::clone(desk), who })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.desk.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.who);
    }
}

/// For who did not say which. Without random numbers everybody gets the same picture, which is no harm.
fn random_seed() -> u32 {
    getrandom::u32().unwrap_or_default()
}
