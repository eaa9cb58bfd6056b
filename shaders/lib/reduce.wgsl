// Orders of (value, position) pairs for arg-reductions.
//
// arg_greater_T(b, bi, a, ai): whether b at position bi beats a at ai: greater, or equal at a lesser position; NaN beats
// all numbers; position 0xffffffff stands for "none" and never beats anything. A strict total order on valid
// positions, so that the result does not depend on the order of joining. arg_less_T likewise.

fn arg_is_nan(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn arg_tie(bi: u32, ai: u32, b_wins: bool, a_wins: bool) -> bool {
    if (bi == 0xffffffffu) {
        return false;
    }
    return ai == 0xffffffffu || b_wins || (!a_wins && bi < ai);
}

fn arg_greater_f32(b: f32, bi: u32, a: f32, ai: u32) -> bool {
    let nan_a = arg_is_nan(a);
    let nan_b = arg_is_nan(b);
    return arg_tie(bi, ai, !nan_a && (nan_b || b > a), !nan_b && (nan_a || a > b));
}

fn arg_less_f32(b: f32, bi: u32, a: f32, ai: u32) -> bool {
    let nan_a = arg_is_nan(a);
    let nan_b = arg_is_nan(b);
    return arg_tie(bi, ai, !nan_a && (nan_b || b < a), !nan_b && (nan_a || a < b));
}

fn arg_greater_i32(b: i32, bi: u32, a: i32, ai: u32) -> bool {
    return arg_tie(bi, ai, b > a, a > b);
}

fn arg_less_i32(b: i32, bi: u32, a: i32, ai: u32) -> bool {
    return arg_tie(bi, ai, b < a, a < b);
}

fn arg_greater_u32(b: u32, bi: u32, a: u32, ai: u32) -> bool {
    return arg_tie(bi, ai, b > a, a > b);
}

fn arg_less_u32(b: u32, bi: u32, a: u32, ai: u32) -> bool {
    return arg_tie(bi, ai, b < a, a < b);
}
