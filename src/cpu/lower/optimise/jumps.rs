//! Flow that does nothing: code that no jump reaches, jumps to jumps, masks that are replaced before they matter.
use std::collections::{HashMap, HashSet};

use super::super::{
    super::tape::{Label, MASK, Op, Reg, Tape},
    operands::read,
};

/// Until nothing changes.
pub fn tidy(tape: &mut Tape) {
    loop {
        let before = tape.body.len();
        unreachable(&mut tape.body);
        thread(&mut tape.body);
        invert(&mut tape.body);
        masks(&mut tape.body);
        labels(&mut tape.body);
        if tape.body.len() == before {
            return;
        }
    }
}

fn target(op: &mut Op) -> Option<&mut Label> {
    match op {
        Op::Jump(l) | Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l) => Some(l),
        _ => None,
    }
}

/// What stands between a jump and the next label. The last end stays.
fn unreachable(body: &mut Vec<Op>) {
    let n = body.len();
    let mut dead = false;
    let mut i = 0;
    body.retain(|op| {
        i += 1;
        if matches!(op, Op::Label(_)) {
            dead = false;
        }
        let keep = !dead || i == n;
        dead |= matches!(op, Op::Jump(_) | Op::End);
        keep
    });
}

/// A jump to a jump goes to its target; a jump to the next instruction goes.
fn thread(body: &mut Vec<Op>) {
    let mut after: HashMap<Label, Label> = HashMap::new();
    for (i, op) in body.iter().enumerate() {
        if let Op::Label(l) = op
            && let Some(Op::Jump(to)) = body[i..].iter().find(|op| !matches!(op, Op::Label(_)))
        {
            after.insert(*l, *to);
        }
    }
    for op in body.iter_mut() {
        if let Some(l) = target(op) {
            let mut hops = 0;
            while let Some(to) = after.get(l)
                && hops < 8
            {
                *l = *to;
                hops += 1;
            }
        }
    }
    let useless: HashSet<usize> = (0..body.len())
        .filter(|i| {
            let (Op::Jump(l) | Op::JumpZero(_, l) | Op::JumpNonzero(_, l) | Op::JumpNone(l) | Op::JumpAny(l)) =
                &body[*i]
            else {
                return false;
            };
            body[i + 1..].iter().take_while(|op| matches!(op, Op::Label(_))).any(|op| *op == Op::Label(*l))
        })
        .collect();
    let mut i = 0;
    body.retain(|_| {
        i += 1;
        !useless.contains(&(i - 1))
    });
}

/// A conditional jump over a jump is the opposite jump.
fn invert(body: &mut [Op]) {
    for i in 0..body.len().saturating_sub(2) {
        let Op::Jump(far) = body[i + 1] else { continue };
        let opposite = match body[i] {
            Op::JumpZero(c, near) => Some((near, Op::JumpNonzero(c, far))),
            Op::JumpNonzero(c, near) => Some((near, Op::JumpZero(c, far))),
            Op::JumpNone(near) => Some((near, Op::JumpAny(far))),
            Op::JumpAny(near) => Some((near, Op::JumpNone(far))),
            _ => None,
        };
        if let Some((near, op)) = opposite
            && body[i + 2..].iter().take_while(|op| matches!(op, Op::Label(_))).any(|op| *op == Op::Label(near))
        {
            body[i] = op;
            // to the next instruction: taken out in the next turn
            body[i + 1] = Op::Jump(near);
        }
    }
}

/// A mask that is replaced before anything looks at it.
fn masks(body: &mut Vec<Op>) {
    let idle: Vec<bool> = (0..body.len())
        .map(|i| {
            matches!(body[i], Op::SetMask(_)) && {
                let next = body[i + 1..].iter().find(|op| {
                    !(matches!(op, Op::Label(_)) || (op.is_pure() && !read(op).contains(&MASK)) || is_uniform_move(op))
                });
                matches!(next, Some(Op::SetMask(_) | Op::End))
            }
        })
        .collect();
    let mut i = 0;
    body.retain(|_| {
        i += 1;
        !idle[i - 1]
    });
}
fn is_uniform_move(op: &Op) -> bool {
    matches!(op, Op::Mov(d, _) if Reg::is_uniform(*d))
}

/// Labels that nothing jumps to.
fn labels(body: &mut Vec<Op>) {
    let used: HashSet<Label> = body.iter_mut().filter_map(target).map(|l| *l).collect();
    body.retain(|op| !matches!(op, Op::Label(l) if !used.contains(l)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_that_does_nothing_goes() {
        let (a, b) = (Label(0), Label(1));
        let (c, d) = (Reg::uniform(0), Reg::lane(2));
        let mov = Op::Mov(d, c);
        let body = vec![
            Op::JumpNonzero(c, a),
            Op::Jump(b),
            Op::Label(a),
            mov.clone(),
            Op::SetMask(Reg::lane(5)),
            Op::Label(b),
            Op::SetMask(Reg::lane(6)),
            mov.clone(),
            Op::End,
        ];
        let mut body = body;
        for _ in 0..3 {
            thread(&mut body);
            invert(&mut body);
            masks(&mut body);
            labels(&mut body);
        }
        assert_eq!(body, [Op::JumpZero(c, b), mov.clone(), Op::Label(b), Op::SetMask(Reg::lane(6)), mov, Op::End]);
    }
}
