// The rules of docs/spec that a person can break from this page, in plain words.

const RULES: Record<string, string> = {
  'MON-02': 'The balance is too low.',
  'MON-03': 'An amount of zero cannot be moved.',
  'TX-02': 'The wallet used an old or a future nonce. Reset the account’s activity in the wallet and try again.',
  'TX-03': 'The wallet offered less than the network fee.',
  'TX-04': 'The balance is too low for this and its fee.',
  'TX-06': 'The transaction’s value is not the price: the price has changed meanwhile.',
  'MEM-02': 'The wallet used a nonce that is spent. Reset the account’s activity in the wallet and try again.',
  'MEM-05': 'The network has more waiting than it can hold. Try again in a minute.',
  'STK-01': 'This stake belongs to another account.',
  'STK-02': 'No more can be unstaked than is free: jobs hold the rest until they are over.',
  'STK-03': 'The stake is under the minimum of a validator.',
  'STK-05': 'With this the stake would be under the minimum of a validator.',
  'REG-01': 'The model or the profile is not registered on this network.',
  'REG-03': 'The relay’s address is not one that the others can reach.',
  'REG-04': 'The node’s keys signed another registration. Let the node make a new one.',
  'REG-05': 'Another validator has the same key. A node serves one validator.',
  'VAL-01': 'The time in jail is not over.',
  'VAL-03': 'This validator was proven wrong and is out for ever.',
  'TST-01': 'There is nothing to test: the pair is not registered, or has passed already.',
  'TST-02': 'A test of this pair is running already.',
  'TST-07': 'A jailed validator cannot test.',
  'GOV-05': 'New jobs are paused by the validators’ vote.',
  'REQ-01': 'The model or the profile is not registered on this network.',
  'REQ-02': 'The model does not draw pictures of this size.',
  'REQ-03': 'The price is under the lowest one of a job.',
  'REQ-04': 'Nobody could check this picture, and the request did not waive that.',
  'REQ-05': 'Too many of your requests are open. Wait until one is settled.',
  'REQ-06': 'The queue is full and others pay more.',
  'CAN-01': 'A worker has accepted the request: it cannot be taken back any more.',
  'RCP-03': 'There is no result to confirm, or it was confirmed before.',
}

/** A rule in plain words, with its name. */
export function explainRule(rule: string): string {
  const name = /[A-Z]{2,4}-\d{2}/.exec(rule)?.[0]
  const text = name && RULES[name]
  return text ? `${text} (${name})` : `The network refuses it by rule ${name ?? rule}.`
}
