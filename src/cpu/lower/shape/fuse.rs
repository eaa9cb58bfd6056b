//! Multiply-add: `x * y + z` becomes one instruction. WGSL allows the product to keep its bits.
use std::collections::HashMap;

use super::{
    super::{
        super::{
            math::{Bin, Ter},
            tape::{Op, Reg},
        },
        tree::{Node, Tree, each_op},
    },
    dead,
};

/// Where the product has no other use.
pub fn fuse(tree: &mut Tree) {
    let uses = dead::uses(tree);
    let mut products: HashMap<Reg, [Reg; 2]> = HashMap::new();
    each_op(&tree.root, &mut |op| {
        if let Op::Bin(Bin::FMul, d, factors) = op
            && uses[d.ix()] == 1
            && !tree.is_variable(*d)
        {
            products.insert(*d, *factors);
        }
    });
    list(&mut tree.root, &products);
}

fn list(nodes: &mut [Node], products: &HashMap<Reg, [Reg; 2]>) {
    for node in nodes {
        match node {
            Node::Op(op) => {
                if let Op::Bin(Bin::FAdd, d, [a, b]) = *op {
                    // the newer product: the older one is more likely to be ready early
                    let newer = if a > b { [(a, b), (b, a)] } else { [(b, a), (a, b)] };
                    if let Some(([x, y], z)) = newer.iter().find_map(|(p, z)| products.get(p).map(|xy| (*xy, *z))) {
                        *op = Op::Ter(Ter::FFma, d, [x, y, z]);
                    }
                }
            }
            Node::If { accept, reject, .. } => {
                list(accept, products);
                list(reject, products);
            }
            Node::Loop { body, continuing, .. } => {
                list(body, products);
                list(continuing, products);
            }
            Node::Block { body, .. } => list(body, products),
            Node::Break(_) | Node::Continue(_) => {}
        }
    }
}
