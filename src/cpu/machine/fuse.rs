//! Finds runs of loads and multiply-adds that can be done with the sums held in processor registers: the inner loops of matrix
//! products, dot products, convolutions. `tile` runs them.
//!
//! A run is a stretch of straight code in which every multiply-add adds to a sum a product of a factor that is the same in all lanes of
//! a line (a uniform register, or loaded from one address) and one that is not (a lane register, or loaded from consecutive addresses). The
//! order of additions to each sum is kept. The plain instructions stay behind the run, for when an address is not as expected or out of bounds.
use super::super::math::Ter;
use super::super::tape::{Cell, Op, Reg, Tape};
use super::operands::Live;
use super::shape::Shape;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Fewer multiply-adds are not worth it.
const WORTH: usize = 4;
/// A run reads from no more places than this.
pub const MAX_STREAMS: usize = 8;

/// Where factors come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// Uniform registers.
    Uniforms,
    /// Lane registers.
    Lanes,
    /// Memory at `lane + uniform`; the lanes of a line lie `stride` apart.
    Memory { mem: u16, lane: Option<Reg>, uniform: Option<Reg>, slot: Option<u16>, stride: u32 },
}

/// A factor: register number or byte offset in a stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Factor {
    pub stream: usize,
    pub offset: u32,
    /// Component of a load of four.
    pub component: Option<u8>,
}

/// A sum: where it begins and ends up, and its products in order.
#[derive(Clone, Debug)]
pub struct Sum {
    pub first: Reg,
    pub last: Reg,
    /// Those that are the same in all lanes of a line.
    pub x: Vec<Factor>,
    pub y: Vec<Factor>,
}

/// A run that was found.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its operations in the body.
    pub start: usize,
    pub end: usize,
    pub streams: Vec<Stream>,
    /// For each stream: the end of what is read of it, in bytes from its address.
    pub high: Vec<u32>,
    pub sums: Vec<Sum>,
    /// Loads among the operations whose value is needed afterwards.
    pub needed: Vec<usize>,
}

/// What a register holds within a run.
#[derive(Clone, Copy)]
enum Held {
    /// What operation `op` loaded, component `n`.
    Loaded {
        op: usize,
        n: usize,
    },
    Sum(usize),
    /// A sum that has been added to since.
    Stale,
}

/// The runs of a tape's body; `shapes`: how the addresses of each slot lie.
pub fn runs(tape: &Tape, shapes: &[Shape]) -> Vec<Run> {
    let candidates = tape.body.iter().filter(|op| matches!(op, Op::Ter(Ter::FFma, ..))).count();
    if candidates < WORTH {
        return vec![];
    }
    let (live, mut found, mut at) = (Live::new(tape), vec![], 0);
    while at < tape.body.len() {
        let mut finder = Finder::new(tape, shapes, at);
        while finder.at < tape.body.len() && finder.take().is_some() {
            finder.at += 1;
        }
        let next = finder.at.max(at + 1);
        match finder.finish(&live) {
            Some(run) => {
                at = run.end;
                found.push(run);
            }
            None => at = next,
        }
    }
    found
}

/// A run in the making.
struct Finder<'t> {
    tape: &'t Tape,
    shapes: &'t [Shape],
    start: usize,
    at: usize,
    /// One past the last multiply-add.
    end: usize,
    held: HashMap<Reg, Held>,
    /// Registers whose value from before the run is a factor.
    outside: HashSet<Reg>,
    streams: Vec<Stream>,
    high: Vec<u32>,
    sums: Vec<Sum>,
    products: usize,
}

impl<'t> Finder<'t> {
    fn new(tape: &'t Tape, shapes: &'t [Shape], start: usize) -> Self {
        Self {
            tape,
            shapes,
            start,
            at: start,
            end: start,
            held: HashMap::new(),
            outside: HashSet::new(),
            streams: vec![],
            high: vec![],
            sums: vec![],
            products: 0,
        }
    }

    /// Takes the operation at `at`, if it fits.
    fn take(&mut self) -> Option<()> {
        match &self.tape.body[self.at] {
            Op::Load { d, addr, cell: Cell::Word, .. } => {
                let touched = addr.lane.iter().chain(&addr.uniform).any(|r| self.held.contains_key(r));
                let known = addr.lane.is_none() || addr.shape.is_some();
                if touched || !known || d.iter().any(|r| self.outside.contains(r)) {
                    return None;
                }
                for (n, r) in d.iter().enumerate() {
                    self.retire(*r)?;
                    self.held.insert(*r, Held::Loaded { op: self.at, n });
                }
            }
            Op::Ter(Ter::FFma, d, [a, b, c]) if !d.is_uniform() && !c.is_uniform() => {
                let before = (self.streams.len(), self.high.clone());
                if self.product(*d, *a, *b, *c).is_none() {
                    self.streams.truncate(before.0);
                    self.high = before.1;
                    return None;
                }
                self.products += 1;
                self.end = self.at + 1;
            }
            _ => return None,
        }
        Some(())
    }

    /// A register is about to be overwritten: it must not hold a sum.
    fn retire(&self, r: Reg) -> Option<()> {
        if matches!(self.held.get(&r), Some(Held::Sum(_))) { None } else { Some(()) }
    }

    fn product(&mut self, d: Reg, a: Reg, b: Reg, c: Reg) -> Option<()> {
        if self.outside.contains(&d) {
            return None;
        }
        let (a, b) = (self.factor(a)?, self.factor(b)?);
        let (((x, true), (y, false)) | ((y, false), (x, true))) = (a, b) else { return None };
        let sum = match self.held.get(&c) {
            Some(Held::Sum(n)) => *n,
            Some(_) => return None,
            None => self.sums.len(),
        };
        if !matches!(self.held.get(&d), Some(Held::Sum(n)) if *n == sum) {
            self.retire(d)?;
        }
        if sum == self.sums.len() {
            self.sums.push(Sum { first: c, last: c, x: vec![], y: vec![] });
        }
        self.held.insert(c, Held::Stale);
        self.held.insert(d, Held::Sum(sum));
        let sum = &mut self.sums[sum];
        sum.last = d;
        sum.x.push(x);
        sum.y.push(y);
        Some(())
    }

    /// A factor, and whether it is the same in all lanes of a line.
    fn factor(&mut self, r: Reg) -> Option<(Factor, bool)> {
        match self.held.get(&r).copied() {
            Some(Held::Loaded { op, n }) => {
                let Op::Load { d, addr, .. } = &self.tape.body[op] else { return None };
                let stride = match (addr.lane, addr.shape) {
                    (None, _) => 0,
                    (Some(_), Some(slot)) => self.shapes[usize::from(slot)].stride()?,
                    _ => return None,
                };
                let stream = Stream::Memory {
                    mem: addr.mem.0,
                    lane: addr.lane,
                    uniform: addr.uniform,
                    slot: addr.shape,
                    stride,
                };
                let (offset, component, bytes) = match (stride, d.len()) {
                    (0, _) => (addr.offset.checked_add(4 * n as u32)?, None, 4),
                    (4, 1) => (addr.offset, None, 64),
                    (16, 4) => (addr.offset, Some(n as u8), 256),
                    _ => return None,
                };
                let stream = self.stream(stream, offset.checked_add(bytes).filter(|high| *high < 1 << 31)?)?;
                Some((Factor { stream, offset, component }, stride == 0))
            }
            Some(_) => None,
            None => {
                self.outside.insert(r);
                let stream = self.stream(if r.is_uniform() { Stream::Uniforms } else { Stream::Lanes }, 0)?;
                Some((Factor { stream, offset: r.ix() as u32, component: None }, r.is_uniform()))
            }
        }
    }

    fn stream(&mut self, stream: Stream, high: u32) -> Option<usize> {
        let n = self.streams.iter().position(|s| *s == stream).unwrap_or(self.streams.len());
        if n == self.streams.len() {
            if n == MAX_STREAMS {
                return None;
            }
            self.streams.push(stream);
            self.high.push(0);
        }
        self.high[n] = self.high[n].max(high);
        Some(n)
    }

    fn finish(self, live: &Live) -> Option<Run> {
        let after = |r: Reg| live.before(self.end, r);
        let mut needed = vec![];
        for (r, held) in &self.held {
            match held {
                Held::Stale if after(*r) => return None,
                Held::Loaded { op, .. } if *op < self.end && after(*r) => needed.push(*op),
                _ => {}
            }
        }
        needed.sort_unstable();
        needed.dedup();
        // a sum must not begin in a register where another one ends
        let ends: HashMap<Reg, usize> = self.sums.iter().enumerate().map(|(n, s)| (s.last, n)).collect();
        let crossed = self.sums.iter().enumerate().any(|(n, s)| ends.get(&s.first).is_some_and(|m| *m != n));
        let read = self.outside.iter().any(|r| ends.contains_key(r));
        let enough = self.products >= WORTH && self.sums.iter().any(|s| s.x.len() > 1 || self.sums.len() > 3);
        (enough && !crossed && !read).then_some(Run {
            start: self.start,
            end: self.end,
            streams: self.streams,
            high: self.high,
            sums: self.sums,
            needed,
        })
    }
}

/// Sums that form a grid: sum (r, c) adds the products of row r's and column c's factors.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Numbers of the sums, row by row.
    pub sums: Vec<usize>,
    pub rows: usize,
    pub columns: usize,
    /// The columns are the four components of loads.
    pub quad: bool,
}

/// Puts sums into grids of at most `max_rows` rows and four columns.
pub fn grids(run: &Run, max_rows: usize) -> Option<Vec<Grid>> {
    // sums with the same factors on the left are a row
    let mut rows: BTreeMap<Vec<Factor>, Vec<usize>> = BTreeMap::new();
    for (n, sum) in run.sums.iter().enumerate() {
        // what is four components in one step is four components in all
        if sum.y.iter().any(|f| f.component.is_some() != sum.y[0].component.is_some()) {
            return None;
        }
        rows.entry(sum.x.clone()).or_default().push(n);
    }
    // rows with the same columns are one grid
    let mut grids: BTreeMap<Vec<Vec<Factor>>, Vec<Vec<usize>>> = BTreeMap::new();
    for mut row in rows.into_values() {
        row.sort_by(|a, b| run.sums[*a].y.cmp(&run.sums[*b].y));
        let columns: Vec<Vec<Factor>> = row.iter().map(|n| run.sums[*n].y.clone()).collect();
        grids.entry(columns).or_default().push(row);
    }
    let mut cut = vec![];
    for (columns, rows) in grids {
        let quad = columns.iter().any(|c| c[0].component.is_some());
        if quad && !whole_quads(&columns) {
            return None;
        }
        let mut c = 0;
        while c < columns.len() {
            let n = if columns.len() - c >= 4 { 4 } else { 1 };
            let mut r = 0;
            while r < rows.len() {
                let m = if rows.len() - r >= max_rows { max_rows } else { 1 };
                let sums = rows[r..r + m].iter().flat_map(|row| row[c..c + n].iter().copied()).collect();
                cut.push(Grid { sums, rows: m, columns: n, quad });
                r += m;
            }
            c += n;
        }
    }
    Some(cut)
}

/// Are the columns, four by four, the components of the same loads?
fn whole_quads(columns: &[Vec<Factor>]) -> bool {
    columns.len().is_multiple_of(4)
        && columns.chunks(4).all(|four| {
            four.iter().enumerate().all(|(n, column)| {
                column.iter().zip(&four[0]).all(|(f, g)| {
                    f.component == Some(n as u8)
                        && g.component == Some(0)
                        && (f.stream, f.offset) == (g.stream, g.offset)
                })
            })
        })
}
