//! Small tapes, written by hand, on every instruction set that the processor has.
use super::super::math::{Bin, Ter};
use super::super::sanitize::Checks;
use super::super::tape::{Addr, At, BuiltIn, Cell, EXIST, Label, MASK, MemIx, Memory, Op, Reg, Tape};
use super::{How, Isa, Machine, Span, Threads};

/// A binding by number.
fn binding(n: u32, writable: bool) -> Memory {
    Memory::Binding { group: 0, binding: n, writable, name: format!("b{n}") }
}

/// An empty tape for workgroups of this size.
fn tape(size: [u32; 3]) -> Tape {
    Tape {
        workgroup_size: size,
        subgroup: 32,
        prologue: vec![],
        body: vec![],
        n_lane: 16,
        n_uniform: 8,
        constants: vec![],
        builtins: vec![],
        memory: vec![],
        n_shapes: 4,
        cross_lane: false,
        places: vec![],
        zero_workgroup: true,
    }
}

fn lane(ix: u32) -> Reg {
    Reg::lane(ix)
}

fn uni(ix: u32) -> Reg {
    Reg::uniform(ix)
}

/// Memory at the address in a lane register.
fn at(mem: u16, r: Reg, offset: u32, shape: Option<u16>) -> Addr {
    Addr { mem: MemIx(mem), lane: Some(r), uniform: None, offset, shape }
}

fn load(d: &[Reg], addr: Addr) -> Op {
    Op::Load { d: d.into(), addr, cell: Cell::Word, at: At(0) }
}

fn store(s: &[Reg], addr: Addr) -> Op {
    Op::Store { s: s.into(), addr, cell: Cell::Word, at: At(0) }
}

/// Runs a tape on each instruction set, with one thread and with three, over copies of the buffers; gives each result.
fn run(tape: &Tape, buffers: &[Vec<u32>], groups: [u32; 3]) -> Vec<Vec<Vec<u32>>> {
    let mut results = vec![];
    for isa in Isa::available() {
        let machine =
            Machine::new(tape.clone(), How { isa: *isa, fused: true, checks: Checks::default(), native: true })
                .unwrap();
        for threads in [1, 3] {
            let mut buffers = buffers.to_vec();
            let spans: Vec<Span> = buffers.iter_mut().map(|b| span(b)).collect();
            machine.run(&Threads::new(threads), &spans, &[], groups);
            results.push(buffers);
        }
    }
    results
}

#[expect(unsafe_code, reason = "the buffers of the test outlive its run")]
fn span(buffer: &mut [u32]) -> Span {
    // SAFETY: the caller keeps the buffer, and does not look at it, until the run is done.
    unsafe { Span::new(buffer.as_mut_ptr().cast(), 4 * buffer.len()) }
}

fn floats(n: usize, f: impl Fn(usize) -> f32) -> Vec<u32> {
    (0..n).map(|i| f(i).to_bits()).collect()
}

/// y = 1.5 x + y on vec4, with a last block that is not full and a buffer that ends within it.
#[test]
fn multiply_add_of_vectors() {
    let n = 1000;
    let mut t = tape([64, 1, 1]);
    t.memory = vec![binding(0, false), binding(1, true)];
    t.builtins = vec![(BuiltIn::GlobalId(0), lane(2))];
    t.constants = vec![(uni(0), 4), (uni(1), 1.5f32.to_bits())];
    t.prologue = vec![Op::Bin(Bin::Shl, lane(3), [lane(2), uni(0)])];
    let (x, y): (Vec<Reg>, Vec<Reg>) = ((4..8).map(lane).collect(), (8..12).map(lane).collect());
    t.body = vec![load(&x, at(0, lane(3), 0, Some(0))), load(&y, at(1, lane(3), 0, Some(0)))];
    t.body.extend((0..4).map(|k| Op::Ter(Ter::FFma, y[k], [uni(1), x[k], y[k]])));
    t.body.push(store(&y, at(1, lane(3), 0, Some(0))));
    let (a, b) = (floats(4 * n, |i| i as f32), floats(4 * n, |i| -(i as f32)));
    for result in run(&t, &[a.clone(), b], [17, 1, 1]) {
        assert_eq!(result[0], a);
        assert_eq!(result[1], floats(4 * n, |i| 0.5 * i as f32));
    }
}

/// A tree sum in workgroup memory: loops by a uniform register, half of the lanes at a time.
#[test]
fn sum_in_workgroup_memory() {
    let mut t = tape([100, 1, 1]);
    t.cross_lane = true;
    t.memory = vec![binding(0, false), binding(1, true), Memory::Workgroup { bytes: 512, name: "p".to_owned() }];
    t.builtins =
        vec![(BuiltIn::LocalIndex, lane(2)), (BuiltIn::GlobalId(0), lane(3)), (BuiltIn::WorkgroupId(0), uni(5))];
    t.constants = vec![(uni(0), 2), (uni(1), 64), (uni(2), 1)];
    t.prologue = vec![Op::Bin(Bin::Shl, lane(4), [lane(2), uni(0)]), Op::Bin(Bin::Shl, lane(5), [lane(3), uni(0)])];
    let shared = |uniform: Option<Reg>| Addr { uniform, ..at(2, lane(4), 0, Some(0)) };
    let one = |mem: u16, uniform: Option<Reg>| Addr { mem: MemIx(mem), lane: None, uniform, offset: 0, shape: None };
    t.body = vec![
        load(&[lane(6)], at(0, lane(5), 0, Some(1))),
        store(&[lane(6)], shared(None)),
        Op::Barrier { storage: false, workgroup: true, at: At(0) },
        Op::Copy(uni(3), uni(1)),
        Op::Label(Label(0)),
        Op::Bin(Bin::ULt, lane(7), [lane(2), uni(3)]),
        Op::Bin(Bin::And, lane(7), [lane(7), EXIST]),
        Op::SetMask(lane(7)),
        Op::JumpNone(Label(1)),
        Op::Bin(Bin::Shl, uni(4), [uni(3), uni(0)]),
        load(&[lane(8)], shared(None)),
        load(&[lane(9)], shared(Some(uni(4)))),
        Op::Bin(Bin::IAdd, lane(8), [lane(8), lane(9)]),
        store(&[lane(8)], shared(None)),
        Op::Label(Label(1)),
        Op::SetMask(EXIST),
        Op::Bin(Bin::ShrU, uni(3), [uni(3), uni(2)]),
        Op::JumpNonzero(uni(3), Label(0)),
        Op::Bin(Bin::Shl, uni(5), [uni(5), uni(0)]),
        load(&[uni(6)], one(2, None)),
        store(&[uni(6)], one(1, Some(uni(5)))),
        Op::End,
    ];
    let input: Vec<u32> = (0..1000).map(|i| i * i).collect();
    let sums: Vec<u32> = input.chunks(100).map(|c| c.iter().sum()).collect();
    for result in run(&t, &[input, vec![7; 10]], [10, 1, 1]) {
        assert_eq!(result[1], sums);
    }
}

/// Lanes leave a loop one after the other: n -> n/2 or 3n+1, counted.
#[test]
fn divergent_loop() {
    let mut t = tape([8, 4, 1]);
    t.memory = vec![binding(0, true)];
    t.builtins = vec![(BuiltIn::GlobalId(0), lane(2)), (BuiltIn::GlobalId(1), lane(3))];
    t.constants = vec![(uni(0), 1), (uni(1), 24), (uni(2), 2), (uni(3), 3), (uni(4), 0)];
    t.prologue = vec![
        Op::Bin(Bin::IMul, lane(4), [lane(3), uni(1)]),
        Op::Bin(Bin::IAdd, lane(4), [lane(4), lane(2)]),
        Op::Bin(Bin::Shl, lane(5), [lane(4), uni(2)]),
    ];
    t.body = vec![
        Op::Bin(Bin::IAdd, lane(6), [lane(4), uni(0)]),
        Op::Copy(lane(7), uni(4)),
        Op::Label(Label(0)),
        Op::Bin(Bin::INe, lane(8), [lane(6), uni(0)]),
        Op::Bin(Bin::And, lane(8), [lane(8), MASK]),
        Op::SetMask(lane(8)),
        Op::JumpNone(Label(1)),
        Op::Bin(Bin::And, lane(9), [lane(6), uni(0)]),
        Op::Bin(Bin::IEq, lane(9), [lane(9), uni(0)]),
        Op::Bin(Bin::ShrU, lane(10), [lane(6), uni(0)]),
        Op::Bin(Bin::IMul, lane(11), [lane(6), uni(3)]),
        Op::Bin(Bin::IAdd, lane(11), [lane(11), uni(0)]),
        Op::Ter(Ter::Select, lane(12), [lane(9), lane(11), lane(10)]),
        Op::Mov(lane(6), lane(12)),
        Op::Bin(Bin::IAdd, lane(12), [lane(7), uni(0)]),
        Op::Mov(lane(7), lane(12)),
        Op::Jump(Label(0)),
        Op::Label(Label(1)),
        Op::SetMask(EXIST),
        store(&[lane(7)], at(0, lane(5), 0, Some(0))),
    ];
    let count = |mut n: u32| {
        let mut steps = 0;
        while n != 1 {
            n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        steps
    };
    let want: Vec<u32> = (1..=24 * 12).map(count).collect();
    for result in run(&t, &[vec![0; 24 * 12]], [3, 3, 1]) {
        assert_eq!(result[0], want);
    }
}
