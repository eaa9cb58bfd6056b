//! Matrices: column after column of words.
use naga::{Expression, Handle, TypeInner};

use super::{super::layout::Num, Bin, Builder, Reg, Un};

/// A matrix as words: element (column, row).
struct Matrix<'a> {
    words: &'a [Reg],
    columns: usize,
    rows: usize,
}
impl Matrix<'_> {
    fn at(&self, column: usize, row: usize) -> Reg {
        self.words[column * self.rows + row]
    }
}

impl Builder<'_> {
    /// Columns and rows; a vector has one column.
    pub(super) fn extent(&self, e: Handle<Expression>) -> (usize, usize, bool) {
        match *self.inner(e) {
            TypeInner::Matrix { columns, rows, .. } => (columns as usize, rows as usize, true),
            TypeInner::Vector { size, .. } => (1, size as usize, false),
            _ => (1, 1, false),
        }
    }

    /// The sum of products, as fused multiply-adds.
    pub(super) fn dot_words(&mut self, num: Num, a: &[Reg], b: &[Reg]) -> Reg {
        let mut sum = self.bin(Bin::FMul, a[0], b[0]);
        for (x, y) in a[1..].iter().zip(&b[1..]) {
            sum = self.fma(*x, *y, sum);
        }
        let d = self.narrow(num, sum);
        self.check_finite(num, d, &[a, b].concat());
        d
    }

    /// A product with a matrix on either side; `None` if there is none.
    pub(super) fn matrix_product(
        &mut self,
        left: (Handle<Expression>, &[Reg]),
        right: (Handle<Expression>, &[Reg]),
        num: Num,
    ) -> Option<Vec<Reg>> {
        let ((lc, lr, l_matrix), (rc, rr, r_matrix)) = (self.extent(left.0), self.extent(right.0));
        if !(l_matrix || r_matrix) || left.1.len() == 1 || right.1.len() == 1 {
            return None;
        }
        let (l, r) =
            (Matrix { words: left.1, columns: lc, rows: lr }, Matrix { words: right.1, columns: rc, rows: rr });
        let mut out = vec![];
        if !l_matrix {
            // row vector times matrix
            for c in 0..r.columns {
                let column: Vec<Reg> = (0..r.rows).map(|i| r.at(c, i)).collect();
                out.push(self.dot_words(num, l.words, &column));
            }
            return Some(out);
        }
        for c in 0..r.columns {
            let column: Vec<Reg> = (0..r.rows).map(|i| r.at(c, i)).collect();
            for row in 0..l.rows {
                let along: Vec<Reg> = (0..l.columns).map(|i| l.at(i, row)).collect();
                out.push(self.dot_words(num, &along, &column));
            }
        }
        Some(out)
    }

    pub(super) fn transpose(&mut self, e: Handle<Expression>, words: &[Reg]) -> Vec<Reg> {
        let (columns, rows, _) = self.extent(e);
        let m = Matrix { words, columns, rows };
        (0..rows).flat_map(|r| (0..columns).map(move |c| (c, r))).map(|(c, r)| m.at(c, r)).collect()
    }

    /// `outer(a, b)`: column j is `a * b[j]`.
    pub(super) fn outer(&mut self, num: Num, a: &[Reg], b: &[Reg]) -> Vec<Reg> {
        let mut out = vec![];
        for y in b {
            for x in a {
                let d = self.bin(Bin::FMul, *x, *y);
                out.push(self.narrow(num, d));
            }
        }
        out
    }

    /// By the first column; in f32, rounded at the end.
    pub(super) fn determinant(&mut self, n: usize, words: &[Reg]) -> Reg {
        let m = Matrix { words, columns: n, rows: n };
        if n == 1 {
            return words[0];
        }
        if n == 2 {
            let (a, b) = (self.bin(Bin::FMul, m.at(0, 0), m.at(1, 1)), self.un(Un::FNeg, m.at(1, 0)));
            return self.fma(b, m.at(0, 1), a);
        }
        let mut sum = None;
        for row in 0..n {
            let minor = self.minor(n, words, 0, row);
            let x = if row % 2 == 0 { m.at(0, row) } else { self.un(Un::FNeg, m.at(0, row)) };
            sum = Some(match sum {
                None => self.bin(Bin::FMul, x, minor),
                Some(s) => self.fma(x, minor, s),
            });
        }
        sum.expect("bug: a matrix without rows")
    }
    /// The determinant without one column and one row.
    fn minor(&mut self, n: usize, words: &[Reg], column: usize, row: usize) -> Reg {
        let m = Matrix { words, columns: n, rows: n };
        let rest: Vec<Reg> = (0..n)
            .filter(|c| *c != column)
            .flat_map(|c| (0..n).filter(move |r| *r != row).map(move |r| (c, r)))
            .map(|(c, r)| m.at(c, r))
            .collect();
        self.determinant(n - 1, &rest)
    }
    /// The transposed cofactors over the determinant.
    pub(super) fn inverse(&mut self, num: Num, n: usize, words: &[Reg]) -> Vec<Reg> {
        let determinant = self.determinant(n, words);
        let mut out = vec![];
        for column in 0..n {
            for row in 0..n {
                let minor = self.minor(n, words, row, column);
                let cofactor = if (column + row) % 2 == 0 { minor } else { self.un(Un::FNeg, minor) };
                let d = self.bin(Bin::FDiv, cofactor, determinant);
                out.push(self.narrow(num, d));
            }
        }
        out
    }
}
