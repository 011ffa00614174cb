// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// @title What an Ethereum wallet can ask of a DFSN network
/// @notice Calls go to 0x4446534e2073797374656d20636F6E7472616374, the ASCII bytes of "DFSN system contract". There is
/// no code behind it: each function that changes something is one kind of transaction, and the chain's own rules execute it;
/// it returns nothing. What happens to jobs and stakes is told as logs of this address. A payable call moves exactly its
/// value; one whose value is not what the rules ask for fails, as does any other call with a value. A plain transfer of
/// money is a transaction without data to its receiver.
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

    /// @notice What became of one image of a result.
    struct ImageResult {
        /// Whether a number of it is not finite, on every machine: there is no picture, and the price comes back.
        bool failed;
        /// If so, the first boundary of its trace that has no state; 0 otherwise.
        uint16 boundary;
        /// BLAKE3 hash of the file, which every node names it by: GET /blobs/{file}, without 0x. Zero where the image failed.
        bytes32 file;
        /// Bytes of the file.
        uint32 fileBytes;
        /// Hash of the pixels.
        bytes32 pixels;
    }

    /// @notice A request is queued and its price in escrow.
    event JobRequested(
        bytes32 indexed job, address indexed requester, bytes32 indexed model, bytes32 profile, uint128 price
    );
    /// @notice The beacon drew a worker, who may accept until the chain's clock shows acceptBy.
    event JobDrawn(bytes32 indexed job, address indexed worker, uint8 attempt, uint64 acceptBy);
    /// @notice The drawn worker let its turn pass.
    event JobPassedOver(bytes32 indexed job, address indexed worker, uint8 attempt);
    /// @notice The worker locked its collateral and will commit before the chain's clock shows deadline.
    event JobAccepted(
        bytes32 indexed job, address indexed worker, uint8 attempt, uint128 collateral, uint64 deadline
    );
    /// @notice The worker committed to a result.
    event JobCommitted(
        bytes32 indexed job, address indexed worker, uint8 attempt, bytes32 traceRoot, ImageResult[] images
    );
    /// @notice The sortition showed an auditor (role 0) or a juror (1).
    event AuditClaimed(bytes32 indexed job, address indexed auditor, uint8 attempt, uint8 role);
    /// @notice A claim was answered, by an auditor (role 0) or a juror (1).
    event AuditAnswered(bytes32 indexed job, address indexed auditor, uint8 attempt, uint8 role);
    /// @notice The worker opened all leaves that were asked about, and the answers agree.
    event AuditOpened(bytes32 indexed job, uint8 attempt, uint16 answers);
    /// @notice The worker denies an answer: the auditor's, to that question of that round.
    event Contested(bytes32 indexed job, address indexed auditor, uint8 attempt, uint8 round, uint8 question);
    /// @notice The worker shows what the contested computation consists of.
    event RootsPosted(bytes32 indexed job, uint8 attempt, uint8 image, uint16 t, uint32 tensors);
    /// @notice The contested auditor wants to see a part of a tensor: a piece, or its level of hashes.
    event TensorDemanded(
        bytes32 indexed job, address indexed by, uint8 attempt, uint32 tensor, bool isLevel, uint32 piece
    );
    /// @notice The worker showed it.
    event TensorPosted(bytes32 indexed job, uint8 attempt, uint32 tensor, bool isLevel, uint32 piece);
    /// @notice A number of the worker's does not follow from its own other numbers.
    event FaultProven(
        bytes32 indexed job, address indexed worker, address indexed by, uint8 attempt, uint32 tensor, uint64 element
    );
    /// @notice The contested auditor differs in what arithmetic cannot derive: jurors decide.
    event JuryCalled(bytes32 indexed job, address indexed auditor, uint8 attempt, uint8 round, uint8 question);
    /// @notice A jury found no majority: half of the price to the worker, half burned.
    event JuryHung(
        bytes32 indexed job, address indexed worker, uint8 attempt, uint128 workerPaid, uint128 burned
    );
    /// @notice Jurors decided, or arithmetic did: who was right, the worker or the auditor.
    event Judged(
        bytes32 indexed job, address indexed worker, address indexed auditor, uint8 attempt, bool workerRight
    );
    /// @notice A penalty was taken from a lock and is held. Faults are numbered as in releaseHolds.
    event Slashed(
        bytes32 indexed job, address indexed validator, uint8 attempt, uint8 fault, uint128 amount
    );
    /// @notice A held penalty was paid out, and its rest burned.
    event HoldPaid(bytes32 indexed job, address indexed validator, uint8 fault, uint128 paid, uint128 burned);
    /// @notice A held penalty went back to its validator.
    event HoldReleased(bytes32 indexed job, address indexed validator, uint8 fault, uint128 amount);
    /// @notice An auditor or a juror demands a state, of which the worker has to post all pieces.
    event DataDemanded(bytes32 indexed job, address indexed by, uint8 attempt, uint8 image, uint16 t);
    /// @notice The worker posted a piece of a state; complete with the last one.
    event DataPosted(bytes32 indexed job, uint8 attempt, uint8 image, uint16 t, uint8 index, bool complete);
    /// @notice The worker gave an answer away before it was due: the claims that ask for it are void.
    event AnswerLeaked(bytes32 indexed job, address indexed shownBy, uint8 attempt, uint8 image, uint16 t);
    /// @notice The requester asked for another audit.
    event AuditRequested(bytes32 indexed job, uint8 attempt, uint128 deposit);
    /// @notice No receipt came: these validators are asked whether they can fetch the pictures.
    event WitnessesDrawn(bytes32 indexed job, uint8 attempt, address[] witnesses);
    /// @notice A witness has fetched the pictures and keeps them.
    event Stored(bytes32 indexed job, address indexed witness, uint8 attempt);
    /// @notice An attempt ended without a result that counts; another follows or the requester is refunded.
    event AttemptFailed(bytes32 indexed job, address indexed worker, uint8 attempt, uint8 fault);
    /// @notice The pictures have arrived: the requester says so, or enough witnesses.
    event Delivered(bytes32 indexed job);
    /// @notice The worker and the auditors are paid.
    event JobSettled(
        bytes32 indexed job, address indexed worker, uint8 attempt, uint128 workerPaid, uint128 auditorsPaid
    );
    /// @notice The price went back to the requester: 0 nobody accepted in time, 1 pushed out of the queue, 2 attempts failed,
    /// 3 undelivered, 4 a test found too few auditors, 5 cancelled, 6 overturned by the audit that the requester asked for,
    /// 7 the picture fails at a number: the auditors are paid.
    event JobRefunded(bytes32 indexed job, address indexed requester, uint128 amount, uint8 reason);
    /// @notice A hardware test failed: what is left of its deposit is burned.
    event TestFailed(bytes32 indexed job, address indexed validator, uint128 burned);
    /// @notice A pair passed its test.
    event PairActivated(address indexed validator, bytes32 indexed model, bytes32 profile);
    /// @notice A validator gets no work until it is released.
    event Jailed(address indexed validator);
    /// @notice Unbonded stake was paid out.
    event Unbonded(address indexed owner, uint128 amount);
    /// @notice A validator's jail is over.
    event Unjailed(address indexed validator);
    /// @notice A validator's stake is under the minimum for good.
    event Exiting(address indexed validator);
    /// @notice Arithmetic proved a validator wrong: it gets nothing new for ever.
    event Tombstoned(address indexed validator);
    /// @notice The record of a validator that left is gone.
    event Exited(address indexed validator);
    /// @notice A validator will belong to another account from this time on, in milliseconds since 1970, unless its owner takes
    /// that back.
    event OwnerChanging(address indexed validator, address indexed to, uint64 time);
    /// @notice A validator belongs to another account.
    event OwnerChanged(address indexed validator, address indexed owner);
    /// @notice New jobs and the chain's clock stand until this time, in milliseconds since 1970.
    event JobsPaused(uint64 until);
    /// @notice Jobs go on before their pause is over.
    event JobsResumed();

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
    /// 5 missing answer, 6 early opening, 7 contradiction.
    /// @param from From when on they were imposed, milliseconds since 1970.
    /// @param to Until when.
    function releaseHolds(uint8 fault, uint64 from, uint64 to) external;

    /// @notice What a request would cost as things stand, binding nobody. Read it before generationRequest. Fails where
    /// nobody can take the request.
    /// @param params What to draw.
    /// @return pricePerUnit The lowest price of one work unit that some worker takes.
    /// @return workUnits Work of the request.
    /// @return price The value that generationRequest must have at that price.
    /// @return audited Whether those workers' results are audited; if not, a request needs unaudited.
    function quote(GenerationParams calldata params)
        external
        view
        returns (uint128 pricePerUnit, uint64 workUnits, uint128 price, bool audited);

    /// @notice The value that a call of the sender's must have: the deposit of testHardware, registerModel or requestAudit, the
    /// price of generationRequest, else 0. Fails as the call would.
    /// @param call Selector and input of a function of this interface.
    /// @return value The value, in base units.
    function valueFor(bytes calldata call) external view returns (uint128 value);
}
