// The board: where the invocations of one dispatch post partial results for the last of them to join.
//
// WGSL has no release and acquire between workgroups, so nothing tells when an ordinary store of another workgroup is
// visible. What is posted is therefore an atomic word that is not 0, on a board that is all 0 before the dispatch: to read
// it is to wait until it is not 0. Who posts takes a ticket afterwards, and who takes the last one joins: all stores have
// then been made, and each becomes visible in finite time. It puts every word it takes back to 0, and the ticket too, so
// the board is all 0 again for the next dispatch (which the device orders behind this one, for both write the board).
//
// board_last(ticket, n):  whether this is the last of n calls for that ticket
// board_post_T(at, x):    posts x in the words from `at` on: one for f32 and bool, two for u32 and i32
// board_take_T(at):       waits for it and takes it away
// A device that broke the promise of visibility would end the wait after BOARD_TURNS: NaN for f32, 0 for others.
// Every NaN is posted as one NaN.

@group(0) @binding(7) var<storage, read_write> board: array<atomic<u32>>;

const BOARD_TURNS: u32 = 0x8000u;

fn board_last(ticket: u32, n: u32) -> bool {
    if (atomicAdd(&board[ticket], 1u) != n - 1u) {
        return false;
    }
    atomicStore(&board[ticket], 0u);
    return true;
}

// The word at `at`, which is 0 afterwards.
fn board_take(at: u32) -> u32 {
    var word = atomicLoad(&board[at]);
    for (var turn = 0u; word == 0u && turn < BOARD_TURNS; turn += 1u) {
        word = atomicLoad(&board[at]);
    }
    atomicStore(&board[at], 0u);
    return word;
}

// The pattern and one: only a NaN has the pattern of 32 ones, and it is posted as another.
fn board_post_f32(at: u32, x: f32) {
    let bits = bitcast<u32>(x);
    atomicStore(&board[at], select(bits, 0x7fc00000u, (bits & 0x7fffffffu) > 0x7f800000u) + 1u);
}

fn board_take_f32(at: u32) -> f32 {
    let word = board_take(at);
    return bits_float(select(word - 1u, 0x7fc00000u, word == 0u));
}

fn board_post_bool(at: u32, x: bool) {
    atomicStore(&board[at], select(1u, 2u, x));
}

fn board_take_bool(at: u32) -> bool {
    return board_take(at) == 2u;
}

// Halves, each with a bit that is set: all patterns are numbers.
fn board_post_u32(at: u32, x: u32) {
    atomicStore(&board[at], x | 0xffff0000u);
    atomicStore(&board[at + 1u], (x >> 16u) | 0xffff0000u);
}

fn board_take_u32(at: u32) -> u32 {
    let low = board_take(at) & 0xffffu;
    return low | (board_take(at + 1u) << 16u);
}

fn board_post_i32(at: u32, x: i32) {
    board_post_u32(at, bitcast<u32>(x));
}

fn board_take_i32(at: u32) -> i32 {
    return bitcast<i32>(board_take_u32(at));
}
