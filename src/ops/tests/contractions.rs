use super::*;

/// `sum over k` of the products of batch matrices, by the plain rule.
fn product(a: &[f64], b: &[f64], [batch, m, k, n]: [usize; 4]) -> Vec<f64> {
    indices(&[batch, m, n])
        .iter()
        .map(|ix| {
            (0..k).map(|p| a[at(&[batch, m, k], &[ix[0], ix[1], p])] * b[at(&[batch, k, n], &[ix[0], p, ix[2]])]).sum()
        })
        .collect()
}

#[test]
fn matmul_follows_numpy() {
    let (a, av) = noise(30, [3, 4]);
    let (b, bv) = noise(31, [4, 2]);
    let want = product(&av, &bv, [1, 3, 4, 2]);
    check(&a.matmul(&b), &[3, 2], &want);
    let backwards: Vec<f64> = indices(&[2, 3]).iter().map(|ix| want[at(&[3, 2], &[ix[1], ix[0]])]).collect();
    check(&b.t().matmul(&a.t()), &[2, 3], &backwards);
    let (x, xv) = noise(32, [4]);
    check(&a.matmul(&x), &[3], &product(&av, &xv, [1, 3, 4, 1]));
    check(&x.matmul(&b), &[2], &product(&xv, &bv, [1, 1, 4, 2]));
    check(&x.matmul(&x), &[], &[xv.iter().map(|x| x * x).sum()]);
    check(&x.dot(&x), &[], &[xv.iter().map(|x| x * x).sum()]);
    check(&host::<f32>(&[], [2, 0]).matmul(&host::<f32>(&[], [0, 3])), &[2, 3], &[0.0; 6]);
    check(&host::<f32>(&[], [0, 4]).matmul(&b), &[0, 2], &[]);
    check(&host(&[3.0f32], [1, 1]).matmul(&host(&[5.0f32], [1])), &[1], &[15.0]);
}

#[test]
fn matmul_broadcasts_batches() {
    let (a, av) = noise(33, [2, 5, 3, 4]);
    let (b, bv) = noise(34, [4, 2]);
    check(&a.matmul(&b), &[2, 5, 3, 2], &product(&av, &bv, [1, 30, 4, 2]));
    let (c, cv) = noise(35, [2, 5, 4, 2]);
    check(&a.matmul(&c), &[2, 5, 3, 2], &product(&av, &cv, [10, 3, 4, 2]));
    let (d, dv) = noise(36, [5, 4, 2]);
    check(&a.matmul(&d), &[2, 5, 3, 2], &product(&av, &[&dv[..], &dv[..]].concat(), [10, 3, 4, 2]));
    let (e, ev) = noise(37, [2, 1, 4, 2]);
    let spread: Vec<f64> = (0..10).flat_map(|i| ev[i / 5 * 8..i / 5 * 8 + 8].to_vec()).collect();
    check(&a.matmul(&e), &[2, 5, 3, 2], &product(&av, &spread, [10, 3, 4, 2]));
    let (f, fv) = noise(38, [3, 4]);
    let repeated: Vec<f64> = (0..10).flat_map(|_| fv.clone()).collect();
    check(&f.matmul(&c), &[2, 5, 3, 2], &product(&repeated, &cv, [10, 3, 4, 2]));
    let (x, xv) = noise(39, [4]);
    check(&a.matmul(&x), &[2, 5, 3], &product(&av, &xv, [1, 30, 4, 1]));
    check(&x.matmul(&d), &[5, 2], &product(&(0..5).flat_map(|_| xv.clone()).collect::<Vec<_>>(), &dv, [5, 1, 4, 2]));
    assert!(error(&a.matmul(&noise(1, [3, 4, 2]).0)).contains("do not broadcast"));
    assert!(error(&host(&[1.0f32], ()).matmul(&x)).starts_with("matmul: f32[]"));
}

#[test]
fn matmul_of_integers_and_of_narrow_floats() {
    let (i, j) = (host(&[1i32, 2, 3, 4], [2, 2]), host(&[5i32, -6], [2]));
    check(&i.matmul(&j), &[2], &[-7.0, -9.0]);
    check(&host(&[1u32, 2], [2]).matmul(&host(&[3u32, 4], [2])), &[], &[11.0]);
    let h = host(&[half::f16::from_f32(0.5), half::f16::from_f32(2.0)], [1, 2]);
    let product = h.matmul(&host(&[1.0f32, 3.0], [2, 1]));
    check(&product, &[1, 1], &[6.5]);
    assert_eq!(product.dtype().unwrap(), crate::DType::F32);
}

/// The sum that a specification names, by a loop over all letters.
fn einsum(spec: &str, operands: &[(&[f64], &[usize])]) -> Vec<f64> {
    let (left, right) = spec.split_once("->").unwrap();
    let inputs: Vec<Vec<char>> = left.split(',').map(|t| t.chars().collect()).collect();
    let mut letters: Vec<(char, usize)> = Vec::new();
    for (input, (_, shape)) in inputs.iter().zip(operands) {
        for (&c, &n) in input.iter().zip(*shape) {
            if !letters.iter().any(|(l, _)| *l == c) {
                letters.push((c, n));
            }
        }
    }
    let place = |c: char| letters.iter().position(|(l, _)| *l == c).unwrap();
    let sizes: Vec<usize> = letters.iter().map(|l| l.1).collect();
    let out: Vec<usize> = right.chars().map(|c| sizes[place(c)]).collect();
    let mut result = vec![0.0; out.iter().product()];
    for ix in indices(&sizes) {
        let term: f64 = inputs
            .iter()
            .zip(operands)
            .map(|(input, (v, shape))| v[at(shape, &input.iter().map(|&c| ix[place(c)]).collect::<Vec<_>>())])
            .product();
        result[at(&out, &right.chars().map(|c| ix[place(c)]).collect::<Vec<_>>())] += term;
    }
    result
}

#[test]
fn einsum_agrees_with_a_loop_over_all_letters() {
    let cases: &[(&str, &[&[usize]])] = &[
        ("ij->ji", &[&[2, 3]]),
        ("ij->", &[&[2, 3]]),
        ("ii->i", &[&[3, 3]]),
        ("ii->", &[&[3, 3]]),
        ("iji->j", &[&[3, 2, 3]]),
        ("ij,jk->ik", &[&[2, 3], &[3, 4]]),
        ("ij,kj->ki", &[&[2, 3], &[4, 3]]),
        ("bij,bjk->bik", &[&[2, 2, 3], &[2, 3, 4]]),
        ("bhqd,bhkd->bhqk", &[&[2, 2, 3, 2], &[2, 2, 4, 2]]),
        ("bqhd,bkhd->bhqk", &[&[2, 3, 2, 2], &[2, 4, 2, 2]]),
        ("ij,j->i", &[&[2, 3], &[3]]),
        ("i,j->ji", &[&[2], &[3]]),
        ("i,i->", &[&[3], &[3]]),
        ("ij,ij->ij", &[&[2, 3], &[2, 3]]),
        ("ij,kl->", &[&[2, 3], &[2, 2]]),
        ("abc,cd->abd", &[&[2, 3, 4], &[4, 2]]),
        ("ab,cde->cb", &[&[2, 3], &[2, 2, 2]]),
        ("ij,jk,kl->il", &[&[2, 3], &[3, 4], &[4, 2]]),
        ("bi,oij,bj->bo", &[&[2, 3], &[4, 3, 2], &[2, 2]]),
        ("ijkl,jilm->mk", &[&[2, 3, 2, 2], &[3, 2, 2, 3]]),
        ("ij,jk->ik", &[&[2, 0], &[0, 2]]),
    ];
    for (spec, shapes) in cases {
        let made: Vec<(Tensor, Vec<f64>)> = shapes.iter().enumerate().map(|(i, s)| noise(40 + i as u64, *s)).collect();
        let operands: Vec<(&[f64], &[usize])> = made.iter().zip(*shapes).map(|((_, v), s)| (&v[..], *s)).collect();
        let tensors: Vec<&Tensor> = made.iter().map(|(t, _)| t).collect();
        let got = Tensor::einsum(spec, &tensors).unwrap_or_else(|e| panic!("{spec}: {e}"));
        check(&got, &dims(&got), &einsum(spec, &operands));
    }
    let (a, av) = noise(50, [2, 3]);
    let (b, bv) = noise(51, [3, 2]);
    check(
        &Tensor::einsum("ij, jk", &[&a, &b]).unwrap(),
        &[2, 2],
        &einsum("ij,jk->ik", &[(&av, &[2, 3]), (&bv, &[3, 2])]),
    );
}

#[test]
fn einsum_refuses_what_it_cannot_read() {
    let a = noise(52, [2, 3]).0;
    let message = |spec: &str, operands: &[&Tensor]| Tensor::einsum(spec, operands).unwrap_err().to_string();
    assert!(message("ij,jk->ik", &[&a]).contains("for 1 operands"));
    assert!(message("i->i", &[&a]).contains("one letter per axis"));
    assert!(message("...j->j", &[&a]).contains("contains '.'"));
    assert!(message("ij,ij->k", &[&a, &a]).contains("letter 'k'"));
    assert!(message("ij->ii", &[&a]).contains("letter 'i'"));
    assert!(message("ij,jk->ik", &[&a, &a]).contains("has lengths 3 and 2"));
    assert!(message("ii->i", &[&a]).contains("tests/contractions.rs"));
}

#[test]
fn outer_and_bilinear_products() {
    let (x, xv) = noise(53, [2]);
    let (y, yv) = noise(54, [3]);
    check(&x.outer(&y), &[2, 3], &einsum("i,j->ij", &[(&xv, &[2]), (&yv, &[3])]));
    let (a, av) = noise(55, [2, 5, 3]);
    let (w, wv) = noise(56, [4, 3, 2]);
    let (b, bv) = noise(57, [2, 5, 2]);
    let want = einsum("xyi,oij,xyj->xyo", &[(&av, &[2, 5, 3]), (&wv, &[4, 3, 2]), (&bv, &[2, 5, 2])]);
    check(&a.bilinear(&w, &b), &[2, 5, 4], &want);
    assert!(error(&a.bilinear(&w, &a)).starts_with("bilinear: shapes"));
}
