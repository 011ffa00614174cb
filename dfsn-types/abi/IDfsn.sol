// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title What an Ethereum wallet can ask of a DFSN network
/// @notice Calls go to 0x4446534e2073797374656d20636F6E7472616374, the ASCII bytes of "DFSN system contract". There is
/// no code behind it: each function is one kind of transaction, and the chain's own rules execute it. Nothing is
/// returned. A payable call moves exactly its value; one whose value is not what the rules ask for fails, as does any
/// other call with a value. A plain transfer of money is a transaction without data to its receiver.
/// @dev Input must be the strict ABI encoding: what encodes to other bytes is refused.
interface IDfsn {
    /// @notice Everything that decides a picture. Prompts stand on the chain for ever.
    struct GenerationParams {
        /// Hash of the model's manifest.
        bytes32 model;
        /// Name of the profile of arithmetic.
        bytes32 profile;
        /// What to draw, at most 2,048 bytes.
        string prompt;
        /// What to keep away from, at most 2,048 bytes.
        string negativePrompt;
        /// Seed of the first image; image i uses seed + i.
        uint32 seed;
        /// Denoising steps, 1 to 150.
        uint16 numInferenceSteps;
        /// Thousandths, at most 100,000.
        uint32 guidanceScale;
        /// Thousandths, at most 1,000; 1,000 without an initial image.
        uint16 strength;
        /// 0 DDIM, 1 Euler, 2 PNDM, 3 Euler ancestral, 4 DPM++ 2M, 5 UniPC, 6 LCM, 7 DDPM; with the noise levels of Karras:
        /// 8 Euler, 9 DPM++ 2M, 10 UniPC.
        uint8 scheduler;
        /// Pixels from top to bottom, a multiple of 8.
        uint16 height;
        /// Pixels from left to right, a multiple of 8.
        uint16 width;
        /// 1 to 4.
        uint8 numImages;
        /// Hash of the file to start from; zero for none.
        bytes32 initImage;
    }

    /// @notice A pair of model and profile that a worker serves.
    struct PairOffer {
        /// Hash of the model's manifest.
        bytes32 model;
        /// Name of the profile of arithmetic.
        bytes32 profile;
        /// Jobs at a time, at least 1.
        uint8 capacity;
        /// Lowest price per work unit, in base units.
        uint128 minPrice;
    }

    /// @notice How a validator's files are fetched.
    struct Relay {
        /// 0 by messages to a node, 1 at an IPv4 address, 2 at an IPv6 address.
        uint8 kind;
        /// The NodeID or the address, followed by zeros.
        bytes20 host;
        /// 0 for a node.
        uint16 port;
    }

    /// @notice A validator's keys, pairs and relay.
    struct ComputeRegistration {
        /// Ed25519 key that signs duties.
        bytes32 dutyKey;
        /// Key of the sortition.
        bytes32 vrfKey;
        /// Ed25519 key of the machine that computes.
        bytes32 computeKey;
        /// Where earnings go.
        address payout;
        /// At most 16, in ascending order of (model, profile).
        PairOffer[] offers;
        /// Where files are fetched.
        Relay relay;
    }

    /// @notice Signatures of the registered keys over the registration and its owner.
    struct KeyPossession {
        /// By the duty key, 64 bytes.
        bytes duty;
        /// By the compute key, 64 bytes.
        bytes compute;
        /// Proof by the VRF key, 80 bytes.
        bytes vrf;
    }

    /// @notice What the chain knows of a model.
    struct ModelRecord {
        /// Hash of the manifest, and the model's name everywhere.
        bytes32 id;
        /// A name for people, at most 64 bytes; not unique.
        string name;
        /// Work of a step, per latent pixel.
        uint64 a;
        /// Work of a step, per pair of latent pixels and 65,536.
        uint64 b;
        /// Work of the decoder, per latent pixel.
        uint64 d;
        /// Work of the text encoder, per request.
        uint64 t;
        /// Channels of a latent.
        uint8 latentChannels;
        /// Pixels of a picture per latent pixel, along one side.
        uint8 vaeScaleFactor;
        /// Both sides of a picture are multiples of this.
        uint16 sizeMultiple;
        /// The longest side.
        uint16 sizeMax;
        /// Height of a hardware test's picture.
        uint16 testHeight;
        /// Width of a hardware test's picture.
        uint16 testWidth;
        /// BLAKE3 hash of the canonical file of exact weights; zero where verdicts by arithmetic are not wanted.
        bytes32 weightsRoot;
        /// Canonical bytes of the networks' shapes, at most 4,096; empty as above.
        bytes architecture;
    }

    /// @notice Asks for pictures. The value is the price: pricePerUnit times the work units of the request.
    /// @param params What to draw.
    /// @param pricePerUnit Offered price of one work unit, in base units.
    /// @param expiresMs No attempt starts later than this many milliseconds after inclusion.
    /// @param unaudited Takes a worker whose pair too few others serve to audit it.
    function generationRequest(
        GenerationParams calldata params,
        uint128 pricePerUnit,
        uint64 expiresMs,
        bool unaudited
    ) external payable;

    /// @notice Adds the value to the sender's own stake.
    function stake() external payable;

    /// @notice Takes from the sender's own free stake; paid out after the unbonding time.
    /// @param amount How much, in base units.
    function unstake(uint128 amount) external;

    /// @notice Registers or replaces the sender's keys, pairs and relay.
    /// @param registration What is registered.
    /// @param possession Proofs that the keys are the sender's.
    function registerCompute(ComputeRegistration calldata registration, KeyPossession calldata possession) external;

    /// @notice Runs a job with a prompt drawn from the beacon, to make one of the sender's pairs active. The value is
    /// the deposit that pays its auditors.
    /// @param model Hash of the model's manifest.
    /// @param profile Name of the profile of arithmetic.
    function testHardware(bytes32 model, bytes32 profile) external payable;

    /// @notice Says that the pictures of a job have arrived and their hashes are right.
    /// @param job The job's name.
    function receipt(bytes32 job) external;

    /// @notice Takes a request back that nobody has accepted yet; its price comes back.
    /// @param job The job's name.
    function cancelRequest(bytes32 job) external;

    /// @notice Asks for another audit of the result of one's own job. The value is the deposit that pays its auditors.
    /// @param job The job's name.
    function requestAudit(bytes32 job) external payable;

    /// @notice Ends the jail of the sender's validator, once its time is over.
    function unjail() external;

    /// @notice Gives the sender's validator to another account, after a delay; to the sender itself, takes that back.
    /// @param to Who owns it then.
    function changeOwner(address to) external;

    /// @notice Registers a model. The value is the deposit, which comes back with removeModel.
    /// @param model What the chain is to know of it.
    function registerModel(ModelRecord calldata model) external payable;

    /// @notice Removes a model that the sender registered and nobody uses, and takes the deposit back.
    /// @param model Hash of the model's manifest.
    function removeModel(bytes32 model) external;

    /// @notice Votes for stopping new jobs and the chain clock.
    /// @param until Milliseconds since 1970; a time that is over votes for letting jobs go on.
    function pauseJobs(uint64 until) external;

    /// @notice Votes for giving held penalties back to whom they were taken from.
    /// @param fault What they are for: 0 missed deadline, 1 wrong result, 2 silence, 3 baseless contest, 4 wrong answer,
    /// 5 missing answer, 6 early opening.
    /// @param from From when on they were imposed, milliseconds since 1970.
    /// @param to Until when.
    function releaseHolds(uint8 fault, uint64 from, uint64 to) external;
}
