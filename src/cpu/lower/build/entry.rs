//! The entry point: its arguments, memory and private variables.
use std::collections::HashMap;

use naga::{AddressSpace, Binding, GlobalVariable, Handle, Module, Span, StorageAccess, TypeInner, valid::ModuleInfo};

use super::{
    super::{
        super::tape::{BuiltIn, Memory},
        Config,
        layout::{Layouts, Packing},
        tree::{ENTRY, Origin, Tree},
    },
    Builder, Fail, Goto, MemIx, Reg, Res, Value,
    place::{Place, Root},
};

/// What becomes of an entry point before it is known which flow is uniform.
pub struct Built {
    pub tree: Tree,
    pub workgroup_size: [u32; 3],
    pub places: Vec<Span>,
    pub cross_lane: bool,
}

/// The tree of an entry point; `unroll`: short loops of constant length are written out.
///
/// # Errors
/// What is not a compute entry point, or uses what the CPU device does not have: by name.
pub fn build(module: &Module, info: &ModuleInfo, entry: &str, config: &Config, unroll: bool) -> Result<Built, String> {
    let found = module.entry_points.iter().enumerate().find(|(_, e)| e.name == entry);
    let (ix, ep) = found.ok_or_else(|| format!("there is no entry point {entry}"))?;
    if ep.stage != naga::ShaderStage::Compute {
        return Err(format!("entry point {entry} is of stage {:?}; the CPU device has compute only", ep.stage));
    }
    let mut b = Builder {
        module,
        info,
        config,
        layouts: Layouts::new(module)?,
        tree: Tree {
            origins: vec![Origin::Value; 2],
            root: vec![],
            n_constructs: ENTRY + 1,
            memory: vec![],
            groups: vec![],
        },
        out: vec![],
        constants: HashMap::new(),
        builtins: HashMap::new(),
        known: HashMap::new(),
        seen: HashMap::new(),
        undo: vec![],
        writes: vec![],
        exits: vec![],
        versions: vec![],
        next_version: 0,
        places: vec![],
        place_ixs: HashMap::new(),
        globals: HashMap::new(),
        frames: vec![],
        targets: vec![],
        unrolling: vec![],
        may_unroll: unroll,
        depth: 0,
        made: 0,
        at: super::At(0),
        cross_lane: false,
    };
    b.at = b.locate(Span::default());
    let done = b.entry(ix);
    match done {
        Ok(()) => {
            Ok(Built { tree: b.tree, workgroup_size: ep.workgroup_size, places: b.places, cross_lane: b.cross_lane })
        }
        Err(Fail::Unsupported(why)) => Err(format!("entry point {entry}: {why}")),
        Err(Fail::Abort(id)) => panic!("bug: construct {id} was not being unrolled"),
    }
}

impl<'m> Builder<'m> {
    fn entry(&mut self, ix: usize) -> Res<()> {
        let module = self.module;
        let (ep, info) = (&module.entry_points[ix], self.info.get_entry_point(ix));
        for (h, g) in module.global_variables.iter() {
            if !info[h].is_empty() {
                self.global_variable(h, g)?;
            }
        }
        let mut arguments = vec![];
        for a in &ep.function.arguments {
            let mut words = vec![];
            match (&a.binding, &module.types[a.ty].inner) {
                (Some(binding), _) => words.extend(self.input(ep.workgroup_size, binding)?),
                (None, TypeInner::Struct { members, .. }) => {
                    for m in members {
                        let binding = m.binding.as_ref().ok_or("a member of an argument without a binding")?;
                        words.extend(self.input(ep.workgroup_size, binding)?);
                    }
                }
                (None, _) => return Err("an argument without a binding".into()),
            }
            arguments.push(Value::Words(words));
        }
        self.enter(&ep.function, info, arguments, vec![], ENTRY);
        self.declare_locals()?;
        self.block(&ep.function.body, &[Goto::Break(ENTRY)])?;
        self.tree.root = std::mem::take(&mut self.out);
        Ok(())
    }

    fn memory(&mut self, m: Memory) -> Res<MemIx> {
        let ix = u16::try_from(self.tree.memory.len()).map_err(|_| Fail::from("too many memory variables"))?;
        self.tree.memory.push(m);
        self.versions.push(0);
        Ok(MemIx(ix))
    }

    fn global_variable(&mut self, h: Handle<GlobalVariable>, g: &GlobalVariable) -> Res<()> {
        let name = g.name.clone().unwrap_or_default();
        let shape = self.layouts.shape(g.ty);
        let mut packing = Packing::Wgsl;
        let memory = match g.space {
            AddressSpace::Storage { .. } | AddressSpace::Uniform => {
                if let TypeInner::BindingArray { .. } = self.module.types[g.ty].inner {
                    return Err(format!("{name}: the CPU device has no arrays of bindings").into());
                }
                let b = g.binding.ok_or("a buffer without a binding")?;
                let writable =
                    matches!(g.space, AddressSpace::Storage { access } if access.contains(StorageAccess::STORE));
                Memory::Binding { group: b.group, binding: b.binding, writable, name }
            }
            AddressSpace::WorkGroup => {
                if self.layouts.has_bool(g.ty) {
                    packing = Packing::Words;
                }
                self.cross_lane = true;
                let bytes = self.layouts.bytes(g.ty, packing)?;
                Memory::Workgroup { bytes: bytes.next_multiple_of(4), name }
            }
            AddressSpace::Immediate => Memory::Immediates { bytes: self.layouts.bytes(g.ty, packing)? },
            AddressSpace::Private => {
                let words = self.layouts.words(shape)?;
                let init = match g.init {
                    Some(e) => Some(self.global(e)?),
                    None => None,
                };
                let place = self.declare(words, shape, init);
                self.globals.insert(h, place);
                return Ok(());
            }
            AddressSpace::Handle => {
                return Err(format!("{name}: the CPU device has no textures and samplers; use storage buffers").into());
            }
            other => return Err(format!("{name}: address space {other:?} is not supported by the CPU device").into()),
        };
        let mem = self.memory(memory)?;
        self.globals.insert(h, Place { root: Root::Memory { mem, packing }, index: None, offset: 0, shape });
        Ok(())
    }

    /// A built-in value as words.
    fn input(&mut self, size: [u32; 3], binding: &Binding) -> Res<Vec<Reg>> {
        let Binding::BuiltIn(b) = binding else { return Err("a compute entry point with a location".into()) };
        let one = |i: u8| size[usize::from(i)] == 1;
        let total: u32 = size.iter().product();
        let three = |this: &mut Self, f: &dyn Fn(u8) -> BuiltIn| (0..3).map(|i| this.builtin(f(i))).collect();
        Ok(match b {
            // one workgroup to a block, and one invocation in this direction: a word for all of them
            naga::BuiltIn::GlobalInvocationId if self.cross_lane => (0..3)
                .map(|i| self.builtin(if one(i) { BuiltIn::WorkgroupId(i) } else { BuiltIn::GlobalId(i) }))
                .collect(),
            naga::BuiltIn::GlobalInvocationId => three(self, &BuiltIn::GlobalId),
            naga::BuiltIn::LocalInvocationId => {
                (0..3).map(|i| if one(i) { self.constant(0) } else { self.builtin(BuiltIn::LocalId(i)) }).collect()
            }
            naga::BuiltIn::LocalInvocationIndex if total == 1 => vec![self.constant(0)],
            naga::BuiltIn::LocalInvocationIndex if size[1] == 1 && size[2] == 1 => {
                vec![self.builtin(BuiltIn::LocalId(0))]
            }
            naga::BuiltIn::LocalInvocationIndex => vec![self.builtin(BuiltIn::LocalIndex)],
            naga::BuiltIn::WorkGroupId => three(self, &BuiltIn::WorkgroupId),
            naga::BuiltIn::NumWorkGroups => three(self, &BuiltIn::NumWorkgroups),
            naga::BuiltIn::WorkGroupSize => size.iter().map(|n| self.constant(*n)).collect(),
            naga::BuiltIn::NumSubgroups => vec![self.constant(total.div_ceil(self.config.subgroup))],
            naga::BuiltIn::SubgroupSize => vec![self.constant(self.config.subgroup)],
            naga::BuiltIn::SubgroupId => {
                self.cross_lane = true;
                vec![self.builtin(BuiltIn::SubgroupId)]
            }
            naga::BuiltIn::SubgroupInvocationId => {
                self.cross_lane = true;
                vec![self.builtin(BuiltIn::SubgroupLane)]
            }
            other => return Err(format!("the built-in value {other:?} is not one of compute").into()),
        })
    }
}
