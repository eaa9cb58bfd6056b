//! Random types in buffers: a whole value copied through registers and workgroup memory, and every scalar read by its path, must be where the
//! layout rules of WGSL put it. The expectation needs no oracle.
use super::device::Runner;
use super::fuzz::generate::Random;
use super::fuzz::tree::{Scalar, Type};
use Scalar::{F16, F32, I32, I64, U32, U64};

/// Elements in the buffers: two workgroups of four.
const COUNT: usize = 8;

/// The structs of a shader, by number.
struct Types {
    random: Random,
    structs: Vec<Vec<Type>>,
    wide: bool,
    half: bool,
}

/// A scalar in a value: its path, its type and its offset in bytes.
struct Leaf {
    path: String,
    scalar: Scalar,
    offset: usize,
}

fn bytes(s: Scalar) -> usize {
    match s {
        F16 => 2,
        I64 | U64 => 8,
        Scalar::Bool | I32 | U32 | F32 => 4,
    }
}

fn round_up(x: usize, to: usize) -> usize {
    x.next_multiple_of(to)
}

impl Types {
    fn scalar(&mut self) -> Scalar {
        match self.random.below(10) {
            0..3 => I32,
            3..6 => U32,
            6 | 7 => F32,
            8 => {
                if self.wide {
                    I64
                } else {
                    U32
                }
            }
            _ => {
                if self.half {
                    F16
                } else {
                    F32
                }
            }
        }
    }

    fn field(&mut self, depth: usize) -> Type {
        match self.random.below(8) {
            0 => Type::Matrix(2 + self.random.below(3), 2 + self.random.below(3)),
            1 | 2 if depth > 0 => Type::Array(Box::new(self.field(depth - 1)), 1 + self.random.below(3)),
            3 if !self.structs.is_empty() => Type::Struct(self.random.below(self.structs.len())),
            4 | 5 => Type::Scalar(self.scalar()),
            _ => Type::Vector(2 + self.random.below(3), self.scalar()),
        }
    }

    /// Alignment and size.
    fn layout(&self, ty: &Type) -> (usize, usize) {
        match ty {
            Type::Scalar(s) => (bytes(*s), bytes(*s)),
            Type::Vector(n, s) => (bytes(*s) * n.next_power_of_two(), bytes(*s) * n),
            Type::Matrix(c, r) => self.layout(&Type::Array(Box::new(Type::Vector(*r, F32)), *c)),
            Type::Array(element, n) => {
                let (align, size) = self.layout(element);
                (align, n * round_up(size, align))
            }
            Type::Struct(k) => {
                let (mut align, mut end) = (1, 0);
                for (a, size) in self.structs[*k].iter().map(|f| self.layout(f)) {
                    align = align.max(a);
                    end = round_up(end, a) + size;
                }
                (align, round_up(end, align))
            }
        }
    }

    fn leaves(&self, ty: &Type, path: &str, offset: usize, all: &mut Vec<Leaf>) {
        let mut elements = |element: &Type, n: usize| {
            let (align, size) = self.layout(element);
            for k in 0..n {
                // arrays and vectors of scalars: by an index known only when it runs
                let index = if matches!(ty, Type::Vector(..)) { format!("{k}") } else { format!("{k}u + zero") };
                let stride = if matches!(ty, Type::Vector(..)) { size } else { round_up(size, align) };
                self.leaves(element, &format!("{path}[{index}]"), offset + k * stride, all);
            }
        };
        match ty {
            Type::Scalar(s) => all.push(Leaf { path: path.into(), scalar: *s, offset }),
            Type::Vector(n, s) => elements(&Type::Scalar(*s), *n),
            Type::Matrix(c, r) => elements(&Type::Vector(*r, F32), *c),
            Type::Array(element, n) => elements(element, *n),
            Type::Struct(k) => {
                let mut end = offset;
                for (j, field) in self.structs[*k].iter().enumerate() {
                    let (align, size) = self.layout(field);
                    let at = round_up(end - offset, align) + offset;
                    self.leaves(field, &format!("{path}.m{j}"), at, all);
                    end = at + size;
                }
            }
        }
    }

    fn declarations(&self) -> String {
        let mut text = if self.half { "enable f16;\n" } else { "" }.to_string();
        for (k, fields) in self.structs.iter().enumerate() {
            let fields: Vec<String> = fields.iter().enumerate().map(|(j, t)| format!("m{j}: {}", t.name(""))).collect();
            text += &format!("struct S{k} {{ {} }}\n", fields.join(", "));
        }
        text
    }
}

/// Some bytes for each scalar: whole numbers as floats, anything as integers.
fn fill(random: &mut Random, leaves: &[Leaf], stride: usize) -> Vec<u8> {
    let mut buffer = vec![0u8; stride * COUNT];
    for element in buffer.chunks_exact_mut(stride) {
        for leaf in leaves {
            let x = random.below(1 << 20);
            let value: [u8; 8] = match leaf.scalar {
                F16 => (0x3c00 + (x as u64 & 0xff)).to_le_bytes(),
                F32 => u64::from((x as f32).to_bits()).to_le_bytes(),
                _ => random.next().to_le_bytes(),
            };
            let n = bytes(leaf.scalar);
            element[leaf.offset..leaf.offset + n].copy_from_slice(&value[..n]);
        }
    }
    buffer
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|b| b.iter().rev().fold(0, |w, b| w << 8 | u32::from(*b))).collect()
}

/// The words that a scalar is written as.
fn printed(leaf: &Leaf) -> Vec<String> {
    let path = format!("inp[i].{}", &leaf.path);
    match leaf.scalar {
        F16 | F32 => vec![format!("u32({path})")],
        I64 | U64 => vec![format!("u32({path})"), format!("u32({path} >> 32u)")],
        Scalar::Bool | I32 | U32 => vec![format!("u32({path})")],
    }
}

fn expected(leaf: &Leaf, element: &[u8]) -> Vec<u32> {
    let raw = words(&element[leaf.offset..leaf.offset + bytes(leaf.scalar)]);
    match leaf.scalar {
        F32 => vec![f32::from_bits(raw[0]) as u32],
        F16 => vec![1 + u32::from(raw[0] >= 0x4000)],
        _ => raw,
    }
}

fn try_one(runner: &Runner, seed: u64) -> Result<(), String> {
    let (wide, half) = (runner.has(wgpu::Features::SHADER_INT64), runner.has(wgpu::Features::SHADER_F16));
    let mut types = Types { random: Random::new(seed), structs: vec![], wide, half };
    for _ in 0..1 + types.random.below(3) {
        let fields = (0..1 + types.random.below(5)).map(|_| types.field(2)).collect();
        types.structs.push(fields);
    }
    let whole = Type::Struct(types.structs.len() - 1);
    let (_, stride) = types.layout(&whole);
    let mut leaves = vec![];
    types.leaves(&whole, "", 0, &mut leaves);
    for leaf in &mut leaves {
        leaf.path.remove(0);
    }
    let input = fill(&mut types.random, &leaves, stride);
    let name = whole.name("");
    let head = types.declarations() + &format!("@group(0) @binding(0) var<storage, read> inp: array<{name}>;\n");
    let copy = head.clone()
        + &format!(
            "@group(0) @binding(1) var<storage, read_write> out: array<{name}>;\n\
             var<workgroup> w: array<{name}, 4>;\nvar<private> p: {name};\n\
             fn through(x: {name}) -> {name} {{ var y = x; return y; }}\n\
             @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) g: vec3<u32>, @builtin(local_invocation_index) l: u32) {{\n\
             w[l] = through(inp[g.x]); workgroupBarrier(); p = w[l ^ 1u]; out[g.x ^ 1u] = p; }}\n"
        );
    let got = runner
        .run(&copy, &words(&input), &vec![0x5555_5555; stride * COUNT / 4], 2)
        .map_err(|e| format!("{e}\n{copy}"))?;
    let got: Vec<u8> = got.iter().flat_map(|w| w.to_le_bytes()).collect();
    for (k, (got, want)) in got.chunks_exact(stride).zip(input.chunks_exact(stride)).enumerate() {
        for leaf in &leaves {
            let place = leaf.offset..leaf.offset + bytes(leaf.scalar);
            if got[place.clone()] != want[place] {
                return Err(format!("copied: element {k}, {} differs\n{copy}", leaf.path));
            }
        }
    }
    let each: Vec<String> = leaves.iter().flat_map(printed).collect();
    let mut read = head
        + "@group(0) @binding(1) var<storage, read_write> out: array<u32>;\n\
           @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) g: vec3<u32>) {\n\
           let i = g.x; let zero = g.y;\n";
    for (k, word) in each.iter().enumerate() {
        read += &format!("out[{}u * i + {k}u] = {word};\n", each.len());
    }
    read += "}\n";
    let got = runner
        .run(&read, &words(&input), &vec![0x5555_5555; each.len() * COUNT], 2)
        .map_err(|e| format!("{e}\n{read}"))?;
    for (k, element) in input.chunks_exact(stride).enumerate() {
        let want: Vec<u32> = leaves.iter().flat_map(|leaf| expected(leaf, element)).collect();
        if let Some(j) = (0..each.len()).find(|j| got[k * each.len() + j] != want[*j]) {
            return Err(format!(
                "read: element {k}, {}: {:#x}, but {:#x}\n{read}",
                each[j],
                got[k * each.len() + j],
                want[j]
            ));
        }
    }
    Ok(())
}

#[test]
fn values_lie_where_they_should() {
    for runner in Runner::all() {
        let failures: Vec<String> =
            (0..24).filter_map(|seed| try_one(&runner, seed).err().map(|e| format!("seed {seed}: {e}"))).collect();
        println!("{:?}: {} of 24 types fail", runner.which, failures.len());
        assert!(failures.is_empty(), "{:?}: {}", runner.which, failures.first().map_or("", |s| s));
    }
}
