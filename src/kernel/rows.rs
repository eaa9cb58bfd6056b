//! Generated kernels, part three: row programs.
//!
//! Reductions over a row, level by level (a level uses the results of those before it), then what is stored per element
//! of the row or per row. Three forms of it:
//!
//! - `thread`: a thread walks a whole row; no barriers. For columns (neighbouring threads read neighbouring elements),
//!   for short rows, and on processors, where barriers are dear.
//! - `group`: a workgroup walks a row together. For long contiguous rows on GPUs; and for rows that several loops walk and
//!   that fit into registers: then each element is loaded once. On processors such a group is one subgroup, so that
//!   there are no barriers, and a workgroup has several.
//! - either of them in *parts*, when there are few long rows: each part leaves a partial result, and the one that is done
//!   last joins them (`board`). Whatever is stored per element without needing the results is stored along the way.

use super::Limits;
use super::accumulate::{Accumulator, Loop, UNROLL, walk};
use super::board::Board;
use super::emit::{Emitter, KEPT, Refusal, Scope, buffer_type};
use super::frame::{Body, Buffer, Cluster, Emitted, Generated, Outputs, label, pack, settled};
use super::space::{Expr, Space};
use crate::graph::Node;
use crate::shape::Shape;
use std::fmt::Write;

/// The length from which a few rows are better reduced in parts than fused with what needs their results.
const LONG_ROW: usize = 1 << 14;

/// Vectors of columns that a thread walks down together on processors: they are a cache line, which is then fetched once.
const LINES: usize = 4;

/// Parts of a row at most, as far as `LONGEST_PART` allows: one thread joins them.
const MOST_PARTS: usize = 4096;

/// The turns of a group's loops over a row up to which values stay in registers from one loop to the next: on processors
/// registers spill to the stack, which is near.
const KEPT_TURNS: usize = 4;
const KEPT_TURNS_CPU: usize = 32;

/// The bytes that the rows of a workgroup may have together on processors, where they are walked more than once: they
/// stay in the nearest cache.
const NEAR_BYTES: usize = 64 << 10;

/// The longest part of a row that one thread or workgroup walks: sums keep to the contract, and the loops of one
/// invocation, together, stay below the 65,535 turns after which some drivers (llvmpipe) end them without a word.
const LONGEST_PART: usize = 48 << 10;

pub(super) struct Rows<'c> {
    cluster: &'c Cluster,
    shape: &'c Shape,
    axes: &'c [usize],
    n_rows: usize,
    n_cols: usize,
    /// Reductions by level.
    levels: Vec<Vec<Node>>,
    limits: &'c Limits,
}

/// One way to run a row program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Form {
    /// The lanes of the workgroup that walks a row, 0 for a thread.
    pub lanes: u32,
    /// Whether these lanes are one subgroup.
    pub subgroup: bool,
    /// The subgroups of a workgroup, where each walks a row.
    pub teams: u32,
    /// Whether values are kept from one loop over the row to the next; the loops are then written out.
    pub keep: bool,
    /// The vector width.
    pub width: i64,
    /// Whether vectors lie along the row, else across rows.
    pub comp_in_col: bool,
    /// Into how many parts a row is cut.
    pub parts: usize,
    /// How many neighbours (of `width` columns each) a thread walks down together.
    pub lines: usize,
    /// Whether the executor is a processor.
    pub cpu: bool,
}

impl Form {
    /// Whether a workgroup walks a row, not a thread.
    pub fn group(self) -> bool {
        self.lanes > 0
    }

    /// The loop of a group over `k` from `first` to `end`; where values are kept that is all `cols` steps of the row.
    pub fn stride(self, first: &str, end: &str, cols: usize, body: &str, out: &mut String) {
        if !self.keep {
            let _ok = writeln!(out, "    for (var k = {first}; k < {end}; k += WG) {{\n{body}    }}");
            return;
        }
        let lanes = self.lanes as usize;
        for turn in 0..cols.div_ceil(lanes) {
            let body = body.replace(KEPT, &format!("t{turn}_"));
            let _ok = writeln!(out, "    {{\n        let k = {first} + {}u;", turn * lanes);
            let _ok = match (turn + 1) * lanes <= cols {
                true => writeln!(out, "{body}    }}"),
                false => writeln!(out, "    if (k < {cols}u) {{\n{body}    }}\n    }}"),
            };
        }
    }

    /// The prefixes of the accumulators of the lines.
    pub fn prefixes(self, prefix: &str) -> Vec<String> {
        if self.lines == 1 {
            vec![prefix.to_owned()]
        } else {
            (0..self.lines).map(|l| format!("{prefix}{l}")).collect()
        }
    }

    /// The body of a loop, for each line.
    pub fn each_line(self, prefix: &str, body: &str) -> String {
        let prefixes = self.prefixes(prefix);
        if let [one] = &prefixes[..] {
            return body.replace("@acc", one);
        }
        let line = |(l, p): (usize, &String)| {
            format!("        {{\n        let r = r_line + {l}u;\n{}        }}\n", body.replace("@acc", p))
        };
        prefixes.iter().enumerate().map(line).collect()
    }

    /// The variables of the values kept.
    fn declare_kept(self, e: &Emitter<'_>) -> String {
        let mut out = String::new();
        for turn in 0..(e.space.cols as usize).div_ceil(self.lanes.max(1) as usize) {
            for (number, &(dtype, n_parts)) in e.kept.iter().enumerate() {
                for c in 0..n_parts {
                    let _ok = writeln!(out, "    var t{turn}_{number}_{c}: {};", dtype.wgsl());
                }
            }
        }
        out
    }

    /// Rows that lie a multiple of 1 KiB apart share few sets of a processor's cache: threads that walk them side by side
    /// begin a cache line apart. Gives the elements of a line and of a row.
    pub fn turn(self, cols: usize) -> Option<(usize, usize)> {
        let crowded = self.cpu && self.parts == 1 && self.comp_in_col && self.width == 4 && cols.is_multiple_of(64);
        crowded.then_some((UNROLL, cols))
    }
}

impl<'c> Rows<'c> {
    pub fn new(cluster: &'c Cluster, shape: &'c Shape, axes: &'c [usize], limits: &'c Limits) -> Self {
        let n_cols = axes.iter().map(|&a| shape[a]).product();
        let n_rows = shape.without(axes).elements();
        let levels = levels(&cluster.reduces);
        Self { cluster, shape, axes, n_rows, n_cols, levels, limits }
    }

    pub fn lower(&self, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let form = self.form(scope)?;
        if form.parts == 1 {
            return self.whole(form, scope);
        }
        let units = if form.comp_in_col { 0 } else { self.n_rows / form.width as usize };
        if self.limits.cpu && units.is_multiple_of(LINES) && units / LINES * form.parts >= 256 {
            match self.in_parts(Form { lines: LINES, ..form }, scope) {
                Err(Refusal::Scalar) => {}
                done => return done,
            }
        }
        self.in_parts(form, scope)
    }

    /// Chooses the form: the vectorisation that turns most accesses into vectors, then who walks a row.
    fn form(&self, scope: &Scope<'_>) -> Result<Form, Refusal> {
        let mut best: Option<(i32, Form)> = None;
        for (width, comp_in_col) in [(4, true), (4, false), (1, true)] {
            let fits = if comp_in_col { self.n_cols } else { self.n_rows } % width as usize == 0;
            if !fits {
                continue;
            }
            let cpu = self.limits.cpu;
            let (lanes, subgroup, teams, keep) = (0, false, 1, false);
            let form = Form { lanes, subgroup, teams, keep, width, comp_in_col, parts: 1, lines: 1, cpu };
            let score = match settled(scope, self.cluster, &self.space(form), |e| self.first_level(e)) {
                Ok(_) if width == 1 => 0,
                Ok((_, e)) => e.score.vector * 4 - e.score.scalar,
                Err(Refusal::Scalar) => continue,
                Err(other) => return Err(other),
            };
            if best.is_none_or(|(s, _)| score > s) {
                best = Some((score, form));
            }
        }
        let Some((_, mut form)) = best else { return Err(Refusal::Scalar) };
        let rows = if form.comp_in_col { self.n_rows } else { self.n_rows / form.width as usize };
        let columns = !form.comp_in_col;
        let group = self.groups() && !columns && self.n_cols >= 64;
        let tune = self.limits.tune();
        let (wanted, least) = match group || (!columns && self.serial()) {
            true => (tune.row_units as usize, tune.row_part as usize),
            false => (tune.column_units as usize, if self.limits.cpu { tune.row_part as usize } else { 32 }),
        };
        let walks = (self.levels.len() + 1) * self.n_cols;
        let long = walks > LONGEST_PART || (rows < wanted / 16 && self.n_cols >= LONG_ROW);
        if !self.can_part() && long {
            return Err(Refusal::Unaligned);
        }
        if self.can_part() {
            // enough units to fill the device, and no chain of additions longer than the contract
            let chains = self.n_cols.div_ceil(LONGEST_PART);
            let fill = if rows < wanted { wanted.div_ceil(rows).min(self.n_cols / least) } else { 1 };
            let many = match (rows, tune.row_single as usize, tune.column_part as usize) {
                (1, most @ 1.., _) if !columns || self.limits.cpu => (self.n_cols / least).min(most),
                // few rows at a time, so that the pages a processor walks down stay known to it for the next columns
                (_, _, part @ 1..) if columns => (self.n_cols / part).clamp(1, MOST_PARTS),
                _ => fill,
            };
            form.parts = many.max(chains).max(1);
        }
        if group {
            form.lanes = self.lanes(self.n_cols / form.width as usize / form.parts);
        }
        if form.parts == 1 && !columns {
            self.kept(&mut form);
        }
        Ok(form)
    }

    /// Whether workgroups may share a row: the upper levels of a tree leave most lanes idle.
    fn groups(&self) -> bool {
        self.limits.tune().row_groups
    }

    /// Whether an executor takes the rows of few invocations one after the other.
    fn serial(&self) -> bool {
        self.limits.cpu || self.limits.lockstep
    }

    /// The lanes of a workgroup for a row of `cols` steps.
    fn lanes(&self, cols: usize) -> u32 {
        (cols as u32).max(1).next_power_of_two().clamp(32, 256).min(self.limits.invocations)
    }

    /// Keeps rows in registers, if several loops walk them and they fit.
    fn kept(&self, form: &mut Form) {
        if self.levels.len() + usize::from(self.per_element().next().is_some()) < 2 {
            return;
        }
        let cols = self.n_cols / form.width as usize;
        if self.limits.tune().row_subgroups {
            let lanes = self.limits.subgroup;
            let turns = cols.div_ceil(lanes.max(1) as usize);
            if lanes >= 4 && (2..=KEPT_TURNS_CPU).contains(&turns) {
                // to begin a workgroup takes a processor as long as a few turns
                let fits =
                    |teams: u32| self.n_rows.is_multiple_of(teams as usize) && self.n_rows / teams as usize >= 64;
                let teams =
                    [8, 4, 2].into_iter().find(|&t| fits(t) && lanes * t <= self.limits.invocations).unwrap_or(1);
                *form = Form { lanes, subgroup: true, teams, keep: true, ..*form };
            }
        } else {
            form.keep = form.group() && cols.div_ceil(form.lanes as usize) <= KEPT_TURNS;
        }
    }

    /// Whether the rows may be walked in parts: one level, and nothing stored per element needs its result.
    fn can_part(&self) -> bool {
        self.levels.len() == 1 && self.per_element().all(|(_, node)| !reaches(node, &self.cluster.reduces))
    }

    fn per_element(&self) -> impl Iterator<Item = (usize, &'c Node)> {
        let whole = self.shape.elements();
        let rows = self.n_rows;
        self.cluster.outputs.iter().enumerate().filter(move |(_, n)| n.elements() == whole && whole != rows)
    }

    fn per_row(&self) -> impl Iterator<Item = (usize, &'c Node)> {
        let rows = self.n_rows;
        self.cluster.outputs.iter().enumerate().filter(move |(_, n)| n.elements() == rows)
    }

    fn space(&self, form: Form) -> Space {
        let w = form.width as usize;
        let (rows, cols) =
            if form.comp_in_col { (self.n_rows, self.n_cols / w) } else { (self.n_rows / w, self.n_cols) };
        Space::new(rows, cols, form.width, form.comp_in_col)
    }

    /// Coordinates in the reduced shape.
    fn coordinates(&self, e: &mut Emitter<'_>) -> Vec<Expr> {
        let kept: Vec<usize> = (0..self.shape.rank()).filter(|a| !self.axes.contains(a)).collect();
        let (row, col) = (e.row(), e.col());
        let of = |dims: &[usize]| dims.iter().map(|&a| self.shape[a]).collect::<Vec<_>>();
        let outer = e.space.coordinates(&row, &of(&kept));
        let inner = e.space.coordinates(&col, &of(self.axes));
        let mut all = vec![Expr::default(); self.shape.rank()];
        for (axis, c) in kept.iter().zip(outer).chain(self.axes.iter().zip(inner)) {
            all[*axis] = c;
        }
        e.full = Some(e.space.linear(&all, self.shape));
        all
    }

    /// The elements the first level reduces and the first level's stores per element: enough to judge a form.
    fn first_level(&self, e: &mut Emitter<'_>) -> Result<(), Refusal> {
        let at = self.coordinates(e);
        for reduce in &self.levels[0] {
            e.eval(reduce.source(0), &at)?;
        }
        Ok(())
    }

    fn whole(&self, form: Form, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let ((text, outputs), emitter) = settled(scope, self.cluster, &self.space(form), |e| {
            let mut program = String::new();
            if form.keep {
                e.keep.get_or_insert_default();
            }
            for level in &self.levels {
                let at = self.coordinates(e);
                let accumulators: Vec<_> = level.iter().enumerate().map(|(i, r)| Accumulator::new(r, i, e)).collect();
                let elements = level.iter().map(|r| e.eval(r.source(0), &at)).collect::<Result<Vec<_>, _>>()?;
                Loop {
                    form,
                    cols: e.space.cols as usize,
                    accumulators: &accumulators,
                    elements: &elements,
                    partial: false,
                }
                .write(e, &mut program);
                for (reduce, accumulator) in level.iter().zip(&accumulators) {
                    let value = accumulator.result(form, &mut program);
                    e.known.insert(reduce.id(), value);
                }
            }
            let mut outputs = Vec::new();
            self.store_elements(form, e, &mut program, &mut outputs)?;
            self.store_rows(form, e, &mut program, &mut outputs)?;
            program.insert_str(0, &form.declare_kept(e));
            Ok((program, outputs))
        })?;
        let text = wrap(form, emitter.space.rows, &text);
        Ok(Emitted { dispatches: vec![self.dispatch(form, 1, text, outputs, &emitter)], board: 0 })
    }

    /// What is stored per element, partial results, and, by the last part of each row, the results.
    fn in_parts(&self, form: Form, scope: &Scope<'_>) -> Result<Emitted, Refusal> {
        let level = &self.levels[0];
        let ((text, outputs, words), emitter) = settled(scope, self.cluster, &self.space(form), |e| {
            let mut program = String::new();
            let at = self.coordinates(e);
            let accumulators: Vec<_> = level.iter().enumerate().map(|(i, r)| Accumulator::new(r, i, e)).collect();
            let elements = level.iter().map(|r| e.eval(r.source(0), &at)).collect::<Result<Vec<_>, _>>()?;
            let mut outputs = Vec::new();
            let stores = self.element_stores(e, &mut outputs)?;
            e.lines[1].push_str(&stores);
            let walk = Loop {
                form,
                cols: e.space.cols as usize,
                accumulators: &accumulators,
                elements: &elements,
                partial: false,
            };
            // what is computed once for a column stands before the loop over the rows of all
            if form.lines > 1 && (walk.blocked() || mentions(&e.lines[0], "r")) {
                return Err(Refusal::Scalar);
            }
            walk.write(e, &mut program);
            outputs.push((Buffer::Board, "array<atomic<u32>>".to_owned()));
            let mut board = Board::new(form, e.space.rows as usize, self.n_rows);
            accumulators.iter().for_each(|a| a.share(form, &mut program));
            let (mut posts, mut last) = (String::new(), String::new());
            let results = board.join(&accumulators, e, &mut posts, &mut last);
            for (reduce, value) in level.iter().zip(results) {
                e.known.insert(reduce.id(), value);
            }
            self.store_rows(form, e, &mut last, &mut outputs)?;
            board.close(&posts, &last, &accumulators, &mut program);
            Ok((program, outputs, board.words))
        })?;
        let text = wrap(form, emitter.space.rows, &text);
        let dispatches = vec![self.dispatch(form, form.parts as u64, text, outputs, &emitter)];
        Ok(Emitted { dispatches, board: (words as u64 * 4).next_multiple_of(16) })
    }

    fn dispatch(&self, form: Form, parts: u64, text: String, outputs: Outputs, emitter: &Emitter<'_>) -> Generated {
        let frame = match form.group() {
            true if form.teams > 1 => "teams",
            true => "row",
            false => "each",
        };
        let units = emitter.space.rows as u64 * parts / form.lines as u64 / u64::from(form.teams);
        let lanes = self.limits.lanes(self.limits.tune().row_lanes) as u32;
        let workgroup = if form.group() {
            form.lanes * form.teams
        } else if self.limits.cpu {
            let again = self.levels.len() > 1 || self.per_element().next().is_some();
            if units <= 256 || (again && parts == 1 && self.n_cols * 4 * 64 > NEAR_BYTES) { 8 } else { lanes }
        } else {
            lanes
        };
        let name = label(if form.group() { "row" } else { "thread" }, &self.cluster.outputs);
        let label = match (parts, form.teams) {
            (1, 1) => name,
            (1, teams) => format!("{name}/teams{teams}"),
            _ => format!("{name}/parts{parts}"),
        };
        // four neighbours of 16 bytes are a cache line: what the first of them waits for, the others have
        let run = !form.comp_in_col && form.lines == 1 && units >= 1024;
        let per = if run { self.limits.tune().column_run } else { 1 };
        pack(Body { frame, label, text, outputs, units, workgroup, per, across: 0, teams: form.teams }, emitter)
    }

    /// The statements that store what is kept per element; each output takes the next binding.
    fn element_stores(&self, e: &mut Emitter<'_>, outputs: &mut Outputs) -> Result<String, Refusal> {
        let mut stores = String::new();
        let at = self.coordinates(e);
        let index = e.space.linear(&at, self.shape);
        for (ix, node) in self.per_element() {
            let own = if node.shape() == self.shape { at.clone() } else { e.space.coordinates(&index, node.shape()) };
            let value = e.eval(node, &own)?;
            let (statement, vector) = e.store(&format!("y{ix}"), node.dtype(), &index, &value)?;
            let _ok = writeln!(stores, "        {statement}");
            outputs.push((Buffer::Output(ix), buffer_type(node.dtype(), vector)));
        }
        Ok(stores)
    }

    fn store_elements(
        &self,
        form: Form,
        e: &mut Emitter<'_>,
        out: &mut String,
        outputs: &mut Outputs,
    ) -> Result<(), Refusal> {
        let stores = self.element_stores(e, outputs)?;
        if stores.is_empty() {
            return Ok(());
        }
        let body = e.leave_loop() + &stores;
        out.push_str(&std::mem::take(&mut e.lines[0]));
        let cols = e.space.cols;
        if form.group() {
            form.stride("lane", &format!("{cols}u"), cols as usize, &body, out);
        } else {
            let step = if (cols as usize).is_multiple_of(UNROLL) { UNROLL } else { 1 };
            walk("0u", &format!("{cols}u"), step, form.turn(cols as usize), &body, out);
        }
        Ok(())
    }

    fn store_rows(
        &self,
        form: Form,
        e: &mut Emitter<'_>,
        out: &mut String,
        outputs: &mut Outputs,
    ) -> Result<(), Refusal> {
        let mut stores = String::new();
        let row = e.row();
        for (ix, node) in self.per_row() {
            let at = e.space.coordinates(&row, node.shape());
            let value = e.eval(node, &at)?;
            let (statement, vector) = e.store(&format!("y{ix}"), node.dtype(), &row, &value)?;
            let _ok = writeln!(stores, "    {statement}");
            outputs.push((Buffer::Output(ix), buffer_type(node.dtype(), vector)));
        }
        out.push_str(&std::mem::take(&mut e.lines[0]));
        if form.group() && !stores.is_empty() {
            let _ok = writeln!(out, "    if (lane == 0u) {{\n{stores}    }}");
        } else {
            out.push_str(&stores);
        }
        Ok(())
    }
}

/// The body function around a row program.
fn wrap(form: Form, n_rows: i64, program: &str) -> String {
    let (globals, program) = split_globals(program);
    let (name, lane) = if form.group() { ("body", ", lane: u32") } else { ("body", "") };
    if form.lines > 1 {
        let n_lines = n_rows as usize / form.lines;
        return format!(
            "{globals}fn {name}(unit: u32) {{\n    let r_line = unit % {n_lines}u * {}u;\n    let part = unit / \
             {n_lines}u;\n{program}}}",
            form.lines
        );
    }
    if form.parts > 1 {
        // neighbouring units are neighbouring columns, or neighbouring parts of a row
        let (r, part) = if form.comp_in_col {
            (format!("unit / {}u", form.parts), format!("unit % {}u", form.parts))
        } else {
            (format!("unit % {n_rows}u"), format!("unit / {n_rows}u"))
        };
        return format!(
            "{globals}fn {name}(unit: u32{lane}) {{\n    let r = {r};\n    let part = {part};\n{program}}}"
        );
    }
    format!("{globals}fn {name}(r: u32{lane}) {{\n{program}}}")
}

/// Whether a name stands in a text.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name)
}

/// Lines that start with `@@` are module-scope declarations.
fn split_globals(program: &str) -> (String, String) {
    let (mut globals, mut rest) = (String::new(), String::new());
    for line in program.lines() {
        match line.strip_prefix("@@") {
            Some(global) if !globals.contains(global) => globals.extend([global, "\n"]),
            Some(_) => {}
            None => rest.extend([line, "\n"]),
        }
    }
    (globals, rest)
}

/// Whether `node` depends on one of `targets` without passing through stored values… of other kernels: conservative.
fn reaches(node: &Node, targets: &[Node]) -> bool {
    crate::graph::topological(std::slice::from_ref(node), true).iter().any(|n| targets.contains(n))
}

/// Reductions by how many others of the cluster they wait for.
fn levels(reduces: &[Node]) -> Vec<Vec<Node>> {
    let mut of: Vec<usize> = Vec::new();
    for (ix, reduce) in reduces.iter().enumerate() {
        // the first, mostly the only one, waits for none: no need to walk what it depends on, however long its history is
        let inner = match ix {
            0 => Vec::new(),
            _ => crate::graph::topological(std::slice::from_ref(reduce.source(0)), true),
        };
        let level = (0..ix).filter(|&j| inner.contains(&reduces[j])).map(|j| of[j] + 1).max().unwrap_or(0);
        of.push(level);
    }
    let n = of.iter().max().map_or(0, |m| m + 1);
    (0..n).map(|l| reduces.iter().zip(&of).filter(|(_, o)| **o == l).map(|(r, _)| r.clone()).collect()).collect()
}
