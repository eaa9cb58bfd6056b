//! Cuts a failing program down: fewer functions and statements, then simpler expressions, as long as it still fails.
use super::tree::{Expr, Program, Stmt, Type};

/// A block of a function: pairs of statement and block number on the way down.
type Path = Vec<(usize, usize)>;

fn blocks(body: &[Stmt], path: &mut Path, all: &mut Vec<Path>) {
    all.push(path.clone());
    for (k, stmt) in body.iter().enumerate() {
        for (j, inner) in stmt.blocks.iter().enumerate() {
            path.push((k, j));
            blocks(inner, path, all);
            path.pop();
        }
    }
}

fn block<'a>(program: &'a mut Program, function: usize, path: &Path) -> &'a mut Vec<Stmt> {
    let body = &mut program.functions[function].body;
    path.iter().fold(body, |body, (k, j)| &mut body[*k].blocks[*j])
}

/// The simplest expression of a type, if it has a literal.
fn literal(ty: &Type, x: i64) -> Option<Expr> {
    let (s, n) = ty.scalar()?;
    let form = if n == 1 { s.literal(x) } else { format!("{}({})", ty.name(""), s.literal(x)) };
    Some(Expr { ty: ty.clone(), form, args: vec![], bound: 8.0, fraction: 0 })
}

/// Every smaller program that one step makes, the boldest first.
fn steps(program: &Program) -> Vec<Program> {
    let mut all = vec![];
    for k in 0..program.functions.len() - 1 {
        let mut smaller = program.clone();
        smaller.functions.remove(k);
        all.push(smaller);
    }
    let mut places = vec![];
    for (f, function) in program.functions.iter().enumerate() {
        let mut paths = vec![];
        blocks(&function.body, &mut vec![], &mut paths);
        places.extend(paths.into_iter().map(|path| (f, path)));
    }
    for (f, path) in &places {
        let n = block(&mut program.clone(), *f, path).len();
        if n > 3 {
            for half in [0..n / 2, n / 2..n] {
                let mut smaller = program.clone();
                block(&mut smaller, *f, path).drain(half);
                all.push(smaller);
            }
        }
    }
    for (f, path) in &places {
        for k in (0..block(&mut program.clone(), *f, path).len()).rev() {
            let mut smaller = program.clone();
            let removed = block(&mut smaller, *f, path).remove(k);
            all.push(smaller);
            for inner in removed.blocks {
                let mut smaller = program.clone();
                block(&mut smaller, *f, path).splice(k..=k, inner);
                all.push(smaller);
            }
        }
    }
    for (f, path) in &places {
        simpler(program, *f, path, &mut all);
    }
    all
}

/// Programs with one simpler expression in this block.
fn simpler(program: &Program, function: usize, path: &Path, all: &mut Vec<Program>) {
    let body = block(&mut program.clone(), function, path).clone();
    for (k, stmt) in body.iter().enumerate() {
        for (j, e) in stmt.exprs.iter().enumerate() {
            let mut paths = vec![];
            e.paths(&mut vec![], &mut paths);
            for at in paths {
                let old = e.clone().at(&at).clone();
                let zero = literal(&old.ty, 0).filter(|_| !old.args.is_empty());
                let one = literal(&old.ty, 1).filter(|_| !old.args.is_empty());
                let parts = old.args.iter().filter(|a| a.ty == old.ty).cloned();
                for new in zero.into_iter().chain(one).chain(parts) {
                    let mut smaller = program.clone();
                    *block(&mut smaller, function, path)[k].exprs[j].at(&at) = new;
                    all.push(smaller);
                }
            }
        }
    }
}

/// The smallest program found that still fails, within so many trials.
pub fn shrink(program: Program, mut trials: usize, fails: impl Fn(&Program) -> bool) -> Program {
    let mut best = program;
    'again: loop {
        for smaller in steps(&best) {
            if trials == 0 {
                return best;
            }
            trials -= 1;
            if fails(&smaller) {
                best = smaller;
                continue 'again;
            }
        }
        return best;
    }
}
