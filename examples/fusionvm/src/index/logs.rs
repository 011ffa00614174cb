//! Which blocks have logs of which topics, so that wallets and indexers search a whole chain without reading it.

use std::collections::BTreeMap;

use dfsn_client::transport::{LogPage, LogQuery};
use dfsn_consensus::store::{Entries, KvStore, StoreError, WriteBatch};
use dfsn_types::{BlockHeight, EthereumLog, Event, Hash};

use super::height;

/// First byte of the keys.
const LOGS: u8 = b'l';
/// Stands for the place of a topic in the keys that say how many logs a block has.
const ANY: u8 = 0xff;
/// Keys of one list that are read before one is sought.
const NEAR: usize = 32;
/// Keys that are read for one page: the chain's thread does nothing else meanwhile.
const LOOKED_AT_MAX: usize = 4_096;

/// Adds the events of a block: by topic and place of the topic, which of them have it.
pub(super) fn add(batch: &mut WriteBatch, at: BlockHeight, events: &[Event]) {
    let mut lists: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (number, event) in (0_u32..).zip(events) {
        for (place, topic) in (0..).zip(&EthereumLog::of(event).topics) {
            lists.entry(prefix(place, Some(topic))).or_default().extend(number.to_be_bytes());
        }
        lists.entry(prefix(ANY, None)).or_default().extend(number.to_be_bytes());
    }
    for (prefix, numbers) in lists {
        batch.put(key(&prefix, at.get()), numbers);
    }
}

/// The next blocks with logs that have all topics asked for, with how many they are.
pub(super) fn page<S: KvStore>(store: &S, query: &LogQuery) -> Result<LogPage, StoreError> {
    let mut looked_at = 0;
    let mut lists = lists(store, query)?;
    let mut page = LogPage { blocks: Vec::new(), next: None };
    let mut at = query.first.get();
    'blocks: while at <= query.last.get() {
        if looked_at >= LOOKED_AT_MAX {
            page.next = Some(BlockHeight::new(at));
            break;
        }
        let mut agreed: Option<Vec<u32>> = None;
        for list in &mut lists {
            match list.seek(store, at, &mut looked_at)? {
                None => break 'blocks,
                Some(later) if later > at => {
                    at = later;
                    continue 'blocks;
                }
                Some(_) => {}
            }
            let has = list.numbers(at);
            agreed = Some(match agreed {
                None => has,
                Some(before) => {
                    before.into_iter().filter(|number| has.binary_search(number).is_ok()).collect()
                }
            });
        }
        match agreed.map(|numbers| u32::try_from(numbers.len()).unwrap_or(u32::MAX)) {
            Some(0) | None => {}
            Some(logs) => page.blocks.push((BlockHeight::new(at), logs)),
        }
        let Some(next) = at.checked_add(1) else { break };
        at = next;
    }
    Ok(page)
}

/// A list for each place of which something is asked; if nothing is, the list of all.
fn lists<'a, S: KvStore>(store: &'a S, query: &LogQuery) -> Result<Vec<AnyOf<'a>>, StoreError> {
    let at = query.first.get();
    let mut lists = Vec::new();
    for (place, topics) in (0..).zip(&query.topics) {
        if !topics.is_empty() {
            let lines = topics.iter().map(|topic| Line::open(store, prefix(place, Some(topic)), at));
            lists.push(AnyOf(lines.collect::<Result<_, _>>()?));
        }
    }
    if lists.is_empty() {
        lists.push(AnyOf(vec![Line::open(store, prefix(ANY, None), at)?]));
    }
    Ok(lists)
}

/// The blocks of any of several topics.
struct AnyOf<'a>(Vec<Line<'a>>);

impl<'a> AnyOf<'a> {
    /// The first block from a height on.
    fn seek<S: KvStore>(
        &mut self,
        store: &'a S,
        at: u64,
        looked_at: &mut usize,
    ) -> Result<Option<u64>, StoreError> {
        let mut first = None;
        for line in &mut self.0 {
            line.seek(store, at, looked_at)?;
            first = [first, line.head.as_ref().map(|(height, _)| *height)].into_iter().flatten().min();
        }
        Ok(first)
    }

    /// The numbers of a block's events, in order.
    fn numbers(&self, at: u64) -> Vec<u32> {
        let here = self.0.iter().filter_map(|line| line.head.as_ref().filter(|(height, _)| *height == at));
        let mut numbers: Vec<u32> = here.flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// The blocks of one topic, in order.
struct Line<'a> {
    prefix: Vec<u8>,
    entries: Entries<'a>,
    /// The block that was read last; nothing at the end.
    head: Option<(u64, Vec<u32>)>,
}

impl<'a> Line<'a> {
    fn open<S: KvStore>(store: &'a S, prefix: Vec<u8>, at: u64) -> Result<Self, StoreError> {
        let entries = store.iterate(&prefix, &key(&prefix, at))?;
        let mut line = Self { prefix, entries, head: None };
        line.read()?;
        Ok(line)
    }

    fn read(&mut self) -> Result<(), StoreError> {
        self.head = match self.entries.next() {
            Some(entry) => {
                let (key, value) = entry?;
                let at = key.get(self.prefix.len()..).and_then(height);
                at.map(|at| {
                    (at.get(), value.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect())
                })
            }
            None => None,
        };
        Ok(())
    }

    /// Goes on to the first block from a height on.
    fn seek<S: KvStore>(&mut self, store: &'a S, at: u64, looked_at: &mut usize) -> Result<(), StoreError> {
        let mut read = 0;
        while self.head.as_ref().is_some_and(|(height, _)| *height < at) {
            if read == NEAR {
                self.entries = store.iterate(&self.prefix, &key(&self.prefix, at))?;
            }
            self.read()?;
            read += 1;
        }
        *looked_at += read;
        Ok(())
    }
}

fn prefix(place: u8, topic: Option<&Hash>) -> Vec<u8> {
    let mut prefix = vec![LOGS, place];
    prefix.extend(topic.iter().flat_map(|topic| topic.as_bytes()));
    prefix
}

fn key(prefix: &[u8], at: u64) -> Vec<u8> {
    [prefix, &at.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use dfsn_consensus::store::MemoryStore;
    use dfsn_types::Address;

    use super::*;

    fn event(kind: u64, validator: u8) -> Event {
        let validator = Address::from_bytes([validator; 20]);
        match kind {
            0 => Event::Jailed { validator },
            1 => Event::Unjailed { validator },
            _ => Event::Exited { validator },
        }
    }

    /// Every third block has two events, of kinds and validators that repeat with different periods.
    fn events(at: u64) -> Vec<Event> {
        if !at.is_multiple_of(3) {
            return Vec::new();
        }
        let validator = |add: u64| u8::try_from((at + add) % 7).unwrap();
        vec![event(at % 5 % 3, validator(0)), event((at + 1) % 3, validator(1))]
    }

    fn topic(place: usize, event: &Event) -> Hash {
        EthereumLog::of(event).topics[place]
    }

    /// All blocks of a query, page after page.
    fn found(store: &MemoryStore, mut query: LogQuery) -> Vec<(u64, u32)> {
        let mut blocks = Vec::new();
        loop {
            let page = page(store, &query).unwrap();
            blocks.extend(page.blocks.iter().map(|(height, logs)| (height.get(), *logs)));
            match page.next {
                Some(next) => query.first = next,
                None => return blocks,
            }
        }
    }

    #[test]
    fn the_index_finds_what_reading_all_blocks_finds() {
        const LAST: u64 = 20_000;
        let mut store = MemoryStore::default();
        for at in 1..=LAST {
            let mut batch = WriteBatch::default();
            add(&mut batch, BlockHeight::new(at), &events(at));
            store.write(batch).unwrap();
        }
        let (kinds, validators) =
            (|kind| topic(0, &event(kind, 0)), |validator| topic(1, &event(0, validator)));
        let asked: [[Vec<Hash>; 2]; 8] = [
            [vec![], vec![]],
            [vec![kinds(0)], vec![]],
            [vec![], vec![validators(3)]],
            [vec![kinds(1)], vec![validators(3)]],
            [vec![kinds(0), kinds(2)], vec![validators(1), validators(5), validators(6)]],
            [vec![kinds(0), kinds(0)], vec![validators(200), validators(4)]],
            [vec![], vec![validators(200)]],
            // As an address it stands at another place.
            [vec![validators(3)], vec![]],
        ];
        for ([first, second], (from, to)) in asked.into_iter().flat_map(|asked| {
            [(1, LAST), (7, 7), (6, 6), (19_000, LAST + 50)].map(|range| (asked.clone(), range))
        }) {
            let matches = |event: &&Event| {
                let topics = EthereumLog::of(event).topics;
                (first.is_empty() || first.contains(&topics[0]))
                    && (second.is_empty() || second.contains(&topics[1]))
            };
            let expected =
                (from..=to.min(LAST)).map(|at| (at, events(at).iter().filter(matches).count() as u32));
            let query = LogQuery {
                first: BlockHeight::new(from),
                last: BlockHeight::new(to),
                topics: [first.clone(), second.clone(), vec![], vec![]],
            };
            let expected: Vec<_> = expected.filter(|(_, logs)| *logs > 0).collect();
            assert_eq!(found(&store, query.clone()), expected, "{query:?}");
        }
    }

    /// Two frequent topics that no log has together: the work of a page is bounded all the same.
    #[test]
    fn a_page_ends_where_its_work_does() {
        let mut store = MemoryStore::default();
        let mut batch = WriteBatch::default();
        for at in 1..=30_000 {
            add(&mut batch, BlockHeight::new(at), &[event(0, 1), event(1, 2)]);
        }
        store.write(batch).unwrap();
        let topics = [vec![topic(0, &event(0, 0))], vec![topic(1, &event(0, 2))], vec![], vec![]];
        let query = LogQuery { first: BlockHeight::new(1), last: BlockHeight::new(30_000), topics };
        let first = page(&store, &query).unwrap();
        assert!(first.blocks.is_empty() && first.next.is_some_and(|next| next.get() < 5_000), "{first:?}");
        assert!(found(&store, query).is_empty());
    }
}
