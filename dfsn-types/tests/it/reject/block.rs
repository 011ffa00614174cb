//! Blocks whose parts do not belong together.

use dfsn_types::codec::encode;
use dfsn_types::*;

use crate::samples::{Sample, bounded, chain, secret_key};

fn seal(header: Header, body: BlockBody) -> Block {
    Block::seal(header, body, &chain(), &secret_key(4))
}

fn decode(block: &Block) -> Result<Block, BlockError> {
    Block::decode(&encode(block), &chain())
}

#[test]
fn whole_blocks_are_taken() {
    for (description, block) in Block::samples() {
        assert_eq!(decode(&block).as_ref(), Ok(&block), "{description}");
        assert_eq!(block.hash(), block.header().hash());
    }
}

#[test]
fn bodies_of_other_headers_are_refused() {
    let block = Block::sample();
    let (header, body) = (block.header(), block.body());

    let duties = bounded(body.duties[..1].to_vec());
    let fewer_duties = BlockBody { duties, ..body.clone() };
    let (actual, expected) = (fewer_duties.duties_root(), header.duties_root);
    let error = BlockError::DutiesRoot { actual, expected };
    assert_eq!(decode(&seal(header.clone(), fewer_duties)), Err(error));

    let mut transactions = body.transactions.to_vec();
    transactions.swap(0, 1);
    let swapped = BlockBody { transactions: bounded(transactions), ..body.clone() };
    let (actual, expected) = (swapped.transactions_root(), header.transactions_root);
    let error = BlockError::TransactionsRoot { actual, expected };
    assert_eq!(decode(&seal(header.clone(), swapped)), Err(error));
}

/// Empty lanes have roots of their own: a root says which lane it covers.
#[test]
fn lanes_are_not_interchangeable() {
    let empty = BlockBody::default();
    assert_ne!(empty.duties_root(), empty.transactions_root());
}

#[test]
fn other_builders_are_refused() {
    let block = Block::sample();
    let foreign = Block::seal(block.header().clone(), block.body().clone(), &chain(), &secret_key(5));
    let mismatch = SignatureError::Mismatch(secret_key(4).public_key());
    assert_eq!(decode(&foreign), Err(BlockError::Signature(mismatch)));
    // The signature is no part of the name, so it must not be what makes a block valid or known.
    assert_eq!(foreign.hash(), block.hash());
}

/// Whatever bit of a block is flipped, it is refused; the signature covers what the roots do not.
#[test]
fn flipped_bits_are_refused() {
    let body = BlockBody { transactions: bounded(vec![SignedTransaction::sample()]), ..BlockBody::default() };
    let header = Header {
        duties_root: body.duties_root(),
        data_root: body.data_root(),
        transactions_root: body.transactions_root(),
        ..Header::sample()
    };
    let bytes = encode(&seal(header, body));
    assert!(Block::decode(&bytes, &chain()).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Block::decode(&flipped, &chain()).is_err(), "bit {bit} of {}", bytes.len() * 8);
    }
}
