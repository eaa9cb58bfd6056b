//! The table of cases: every method of a tensor has its rows here.

mod activation;
mod attention;
mod dense;
mod descent;
mod fourier;
mod index;
mod integer;
mod linalg;
mod map;
mod matrix;
mod monotone;
mod movement;
mod penalty;
mod random;
mod reduce;
mod rows;
mod wide;
mod window;

use super::case::Case;
use crate::error::Result;
use crate::tensor::Tensor;

/// A result as a tensor that carries its error.
fn joined(result: Result<Tensor>, like: &Tensor) -> Tensor {
    result.unwrap_or_else(|error| Tensor::new(like.device(), Err(error)))
}

/// All cases.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(map::cases());
    cases.extend(wide::cases());
    cases.extend(activation::cases());
    cases.extend(integer::cases());
    cases.extend(reduce::cases());
    cases.extend(movement::cases());
    cases.extend(rows::cases());
    cases.extend(linalg::cases());
    cases.extend(attention::cases());
    cases.extend(dense::cases());
    cases.extend(descent::cases());
    cases.extend(fourier::cases());
    cases.extend(window::cases());
    cases.extend(index::cases());
    cases.extend(random::cases());
    cases.extend(monotone::cases());
    cases.extend(penalty::cases());
    cases.extend(matrix::cases());
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_shapes_match_inputs() {
        let cases = all();
        let mut names: Vec<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for case in &cases {
            assert!(!case.variants.is_empty(), "{}", case.name);
            for variant in &case.variants {
                assert_eq!(variant.shapes.len(), case.inputs.len(), "{} {}", case.name, variant.label());
            }
        }
    }
}
