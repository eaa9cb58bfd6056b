//! Algorithms that walk rows.

use crate::check::case::{ANY, Case, POSITIVE, one, two};
use crate::check::input::Domain;
use crate::dtype::DType;

/// Few values, so that there are ties.
const TIED: Domain = Domain::Real(DType::F32, &[(0.5, 0.5), (-1.0, -1.0), (2.0, 2.0), (0.0, 0.0)]);

/// The rows of this file. What is equal to the bit on a device is uncertain to the reference, so it promises nothing of the
/// gradients; they are tested below against differences.
pub fn cases() -> Vec<Case> {
    let lengths: &[&[usize]] = &[&[1], &[2], &[9], &[3, 17], &[70, 5]];
    let pairs: &[&[&[usize]]] = &[&[&[1], &[]], &[&[2], &[]], &[&[9], &[]], &[&[3, 17], &[3]], &[&[70, 5], &[70]]];
    let thresholds: &[&[&[usize]]] = &[&[&[2, 300], &[2, 256]], &[&[1, 5000], &[1, 256]]];
    vec![
        Case::alike("isotonic", &[ANY], lengths, 0, one(|x| x.isotonic(x.shape().map_or(0, |s| s.rank() - 1), true))),
        Case::alike("isotonic/ascending", &[Domain::Spaced], &[&[300], &[5, 7]], 0, one(|x| x.isotonic(0, false))),
        Case::alike("isotonic/ties", &[TIED], &[&[40], &[3, 9]], 0, one(|x| x.isotonic(0, true))),
        Case::at(
            "taut_string",
            &[ANY, POSITIVE],
            pairs,
            0,
            two(|x, l| x.taut_string(l, x.shape().map_or(0, |s| s.rank() - 1))),
        ),
        Case::at("taut_string/long", &[ANY, POSITIVE], &[&[&[300], &[]]], 0, two(|x, l| x.taut_string(l, 0))),
        Case::at("taut_string/weak", &[ANY], &[&[&[300]], &[&[4, 33]]], 0, one(|x| x.taut_string(0.05, 0))),
        Case::at("taut_string/ties", &[TIED], &[&[&[40]], &[&[9, 3]]], 0, one(|x| x.taut_string(0.25, 0))),
        Case::at("excess", &[ANY, ANY], thresholds, 0, two(|x, t| x.excess(false, t))),
        Case::at("excess/magnitude", &[ANY, ANY], thresholds, 0, two(|x, t| x.excess(true, t))),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::input::{Domain, Ground, Random};
    use crate::dtype::DType;
    use crate::reference::{Evaluator, directional};
    use crate::run::Device;
    use crate::shape::Shape;

    #[test]
    fn gradients_are_those_of_differences() {
        let device = pollster::block_on(Device::open(Default::default())).expect("the CPU device at least");
        let mut ground = Ground::new(&device);
        let mut random = Random::new(0, "monotone");
        let any = Domain::Real(DType::F32, &[(-3.0, 3.0)]);
        let (x, g) = (ground.draw(&mut random, any, &[3, 9].into()), ground.draw(&mut random, any, &[3, 9].into()));
        let lambda = ground.draw(&mut random, Domain::Real(DType::F32, &[(0.3, 0.9)]), &Shape::from([3]));
        for fit in [x.isotonic(1, true), x.isotonic(0, false), x.taut_string(&lambda, 1)] {
            let loss = fit.mul(&g).sum_all();
            let gradients = loss.grad(&[&x, &lambda]).expect("both differentiate");
            let nodes: Vec<_> = gradients.iter().map(|t| t.node().expect("built").clone()).collect();
            let fetch = |data: &crate::graph::Data| ground.fetch(data);
            let found = Evaluator::new(&fetch).real().eval(&nodes).expect("it evaluates");
            let (mut slope, mut directions) = (0.0, Vec::new());
            for (leaf, gradient) in [&x, &lambda].iter().zip(&found) {
                let d: Vec<f64> = gradient.values.iter().map(|_| random.uniform(-1.0, 1.0)).collect();
                slope += gradient.values.iter().zip(&d).map(|(g, d)| g * d).sum::<f64>();
                directions.push((leaf.node().expect("a leaf").clone(), d));
            }
            let root = loss.node().expect("built");
            let want = directional(root, &directions, &fetch).expect("it evaluates").values[0];
            assert!((slope - want).abs() < 1e-6 * (1.0 + want.abs()), "{slope} is not {want}");
        }
    }
}
