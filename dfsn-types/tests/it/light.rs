//! Following a chain by headers and checkpoints.

use dfsn_types::*;

use crate::samples::{Sample, chain, counting, secret_key};

const SEALER: u8 = 4;

fn sealer() -> PublicKey {
    secret_key(SEALER).public_key()
}

/// A header on another one, or the first.
fn next(parent: Option<&Header>, salt: u8) -> SignedHeader {
    let plain = Header::sample();
    let header = Header {
        height: parent.map_or(BlockHeight::new(1), |parent| parent.height.next()),
        parent: parent.map_or(BlockHash::from_bytes(counting(0xC0)), Header::hash),
        timestamp: Timestamp::new(parent.map_or(1_000, |parent| parent.timestamp.get() + 5_000)),
        builder: secret_key(SEALER).public_key(),
        state_root: StateRoot::from_bytes(counting(salt)),
        ..plain
    };
    SignedHeader::seal(header, &chain(), &secret_key(SEALER))
}

/// A line of headers, and the chain that has taken them.
fn line(count: usize) -> (HeaderChain, Vec<SignedHeader>) {
    let mut headers = HeaderChain::at_genesis(chain(), sealer());
    let mut all: Vec<SignedHeader> = Vec::new();
    for _ in 0..count {
        let header = next(all.last().map(|signed| &signed.header), 0);
        headers.append(&header).expect("it follows");
        all.push(header);
    }
    (headers, all)
}

fn checkpoint(header: &Header, key: u8) -> SignedCheckpoint {
    Checkpoint { height: header.height, hash: header.hash() }.sign(&chain(), &secret_key(key))
}

fn height(height: u64) -> BlockHeight {
    BlockHeight::new(height)
}

#[test]
fn chk_01_without_a_checkpoint_only_authorship_is_shown() {
    let (mut headers, all) = line(5);
    for signed in &all {
        let authored = Standing::Authored { builder: signed.header.builder };
        assert_eq!(headers.standing(signed.header.height), Some(authored));
    }
    headers.finalise(&checkpoint(&all[2].header, SEALER)).expect("the sealer's");
    let standings: Vec<_> = (1..=5).map(|at| headers.standing(height(at)) == Some(Standing::Final)).collect();
    assert_eq!(standings, [true, true, true, false, false]);
    assert_eq!(headers.standing(height(0)), None);
    assert_eq!(headers.standing(height(6)), None);
}

#[test]
fn chk_01_only_the_sealers_word_of_this_network_counts() {
    let (mut headers, all) = line(2);
    let by_other = checkpoint(&all[1].header, SEALER + 1);
    assert!(matches!(headers.finalise(&by_other), Err(HeaderChainError::Signature(_))));
    let elsewhere = ChainIdentity { genesis: GenesisHash::from_bytes(counting(1)), ..chain() };
    let of_other_network =
        Checkpoint { height: height(2), hash: all[1].header.hash() }.sign(&elsewhere, &secret_key(SEALER));
    assert!(matches!(headers.finalise(&of_other_network), Err(HeaderChainError::Signature(_))));
    assert_eq!(headers.final_height(), height(0));
}

#[test]
fn chk_02_headers_follow_each_other() {
    let (mut headers, all) = line(3);
    let tip = headers.tip();
    let gap = next(Some(&next(Some(&all[2].header), 0).header), 0);
    assert!(matches!(headers.append(&gap), Err(HeaderChainError::Height { .. })));
    let mut other_parent = next(Some(&all[2].header), 0).header;
    other_parent.parent = BlockHash::from_bytes(counting(9));
    let other_parent = SignedHeader::seal(other_parent, &chain(), &secret_key(SEALER));
    assert!(matches!(headers.append(&other_parent), Err(HeaderChainError::Parent { .. })));
    let mut early = next(Some(&all[2].header), 0).header;
    early.timestamp = Timestamp::new(all[2].header.timestamp.get() - 1);
    let early = SignedHeader::seal(early, &chain(), &secret_key(SEALER));
    assert!(matches!(headers.append(&early), Err(HeaderChainError::Timestamp { .. })));
    let forged = SignedHeader { signature: Signature::sample(), ..next(Some(&all[2].header), 0) };
    assert!(matches!(headers.append(&forged), Err(HeaderChainError::Signature(_))));
    assert_eq!(headers.tip(), tip, "nothing of it was taken");
}

#[test]
fn chk_03_a_checkpoint_of_another_block_says_which_is_wrong() {
    let (mut headers, all) = line(4);
    let sibling = next(Some(&all[2].header), 1);
    assert_ne!(sibling.header.hash(), all[3].header.hash());

    let refused = headers.finalise(&checkpoint(&sibling.header, SEALER));
    assert!(matches!(refused, Err(HeaderChainError::OtherBlock { .. })), "{refused:?}");
    // The client lets its own block go and takes the final one.
    headers.rewind(height(3)).expect("nothing is final");
    headers.append(&sibling).expect("it follows");
    headers.finalise(&checkpoint(&sibling.header, SEALER)).expect("it is here now");

    let contradiction = headers.finalise(&checkpoint(&all[3].header, SEALER));
    assert!(matches!(contradiction, Err(HeaderChainError::Contradiction { .. })), "{contradiction:?}");
    assert!(matches!(headers.rewind(height(3)), Err(HeaderChainError::Final { .. })), "CHK-04");
    let ahead = Checkpoint { height: height(9), hash: BlockHash::sample() };
    let ahead = headers.finalise(&ahead.sign(&chain(), &secret_key(SEALER)));
    assert!(matches!(ahead, Err(HeaderChainError::NotHere { .. })));
    // An older checkpoint of the same line says nothing new.
    headers.finalise(&checkpoint(&all[0].header, SEALER)).expect("it is true");
    assert_eq!(headers.final_height(), height(4));
}

#[test]
fn chk_02_a_newcomer_starts_at_a_checkpoint() {
    let (_, all) = line(6);
    let start = checkpoint(&all[3].header, SEALER);
    let mut headers = HeaderChain::at_checkpoint(chain(), sealer(), &start).expect("the sealer's");
    assert_eq!((headers.height(), headers.final_height()), (height(4), height(4)));
    headers.append(&all[4]).expect("it follows");
    assert_eq!(headers.header(height(5)), Some(&all[4].header));
    assert_eq!(headers.header(height(4)), None, "its header was never seen");
    let forged = checkpoint(&all[3].header, SEALER + 1);
    assert!(HeaderChain::at_checkpoint(chain(), sealer(), &forged).is_err());
}

#[test]
fn chk_04_old_headers_make_way() {
    let (mut headers, mut all) = line(1);
    // One signature is enough for this test: the chain checks each.
    for _ in 0..HEADERS_MAX + 10 {
        let header = next(all.last().map(|signed| &signed.header), 0);
        headers.append(&header).expect("it follows");
        all = vec![header];
    }
    let tip = headers.height().get();
    let oldest = tip - HEADERS_MAX as u64 + 1;
    assert!(headers.header(height(oldest)).is_some() && headers.header(height(oldest - 1)).is_none());
    headers.rewind(height(oldest)).expect("kept");
    assert_eq!(headers.height(), height(oldest));
    assert!(matches!(headers.rewind(height(oldest - 2)), Err(HeaderChainError::NotHere { .. })));
}

#[test]
fn answers_come_with_the_standing_of_their_block() {
    let accounts: MerkleMap<Address, ()> = MerkleMap::new();
    let mut sections = vec![Domain::MerkleEmpty.hash_bytes(&[]); StateSection::COUNT];
    sections[StateSection::Accounts.index()] = accounts.root();
    let address = Address::sample();
    let answer = StateAnswer::<AccountRecord> {
        record: None,
        sections: BoundedVec::new(sections.clone()).expect("17"),
        proof: accounts.prove(&address),
    };
    let receipts = BlockReceipts::sample();
    let id = receipts.transactions[0].id;

    let mut header = next(None, 0).header;
    (header.state_root, header.receipts_root) = (state_root(&sections), receipts.root());
    let signed = SignedHeader::seal(header.clone(), &chain(), &secret_key(SEALER));
    let mut headers = HeaderChain::at_genesis(chain(), sealer());
    headers.append(&signed).expect("it follows");

    let authored = Standing::Authored { builder: header.builder };
    assert_eq!(headers.check_state(height(1), &address, &answer), Ok((None, authored)));
    headers.finalise(&checkpoint(&header, SEALER)).expect("the sealer's");
    assert_eq!(headers.check_state(height(1), &address, &answer), Ok((None, Standing::Final)));
    let receipt = receipts.prove_receipt(&id);
    let (shown, standing) = headers.check_receipt(height(1), &id, &receipt).expect("it shows the receipt");
    assert_eq!((shown.map(|(index, _)| index), standing), (Some(1), Standing::Final));

    // The same answer under another header, or with parts left out, shows nothing.
    assert!(matches!(
        headers.check_state(height(2), &address, &answer),
        Err(HeaderChainError::NotHere { .. })
    ));
    let cut =
        StateAnswer { sections: BoundedVec::new(sections[..16].to_vec()).expect("16"), ..answer.clone() };
    assert!(matches!(
        headers.check_state(height(1), &address, &cut),
        Err(HeaderChainError::Proof(ProofError::Sections { actual: 16, expected: 17 }))
    ));
    sections.swap(1, 2);
    sections[0] = Hash::sample();
    let other = StateAnswer { sections: BoundedVec::new(sections).expect("17"), ..answer };
    assert!(matches!(
        headers.check_state(height(1), &address, &other),
        Err(HeaderChainError::Proof(ProofError::StateRoot { .. }))
    ));
}
