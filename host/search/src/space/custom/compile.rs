//! From a definition to a program: names are looked up, values checked, lists made choices. Every fault says where it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::choices::{Choice, Choices};
use super::definition::{self as written, Definition, Scalar, Value, When};
use super::fault::{DefinitionFault, Place};
use super::kind::{Kind, is_identifier};
use super::operation::Operation;
use super::program::{Block, Body, Cell, Condition, Layer, Program, Slot, Stage};

/// Most stages, and most repetitions of one.
const MOST: usize = 64;

/// Most options of one choice.
const MOST_OPTIONS: usize = 64;

/// Most nodes of a cell behind its input.
const MOST_NODES: usize = 6;

/// The name of the choice that gives the nonlinearity where a layer does not.
const ACTIVATION: &str = "activation";

/// Choices by name, as far as they can be seen from some place.
type Scope = BTreeMap<String, Slot>;

type Result<T> = std::result::Result<T, DefinitionFault>;

/// The choices of a definition, and what they decide.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn compile(definition: &Definition) -> Result<(Choices, Program)> {
    let mut compiler = Compiler::default();
    let global = compiler.declared(&definition.choices, &Place::top("choices"), "")?;
    compiler.end_group();
    let shared = compiler.shared_blocks(definition, &global)?;
    if definition.stages.is_empty() || definition.stages.len() > MOST {
        let reason = format!("there are {} stages; write 1 to {MOST} tables `[[stages]]`", definition.stages.len());
        return Err(Place::top("stages").fault(reason));
    }
    let mut seen = global.clone();
    let mut stages = Vec::new();
    for (index, stage) in definition.stages.iter().enumerate() {
        let stage = compiler.stage(definition, stage, index, &mut seen, (&global, &shared))?;
        stages.push(stage);
        compiler.end_group();
    }
    if compiler.options.is_empty() {
        return Err(Place::top("stages").fault("there is nothing to choose; give a list somewhere"));
    }
    let reads_series = reads_series(definition)?;
    let Compiler { choices, options, .. } = compiler;
    Ok((choices, Program { reads_series, options, stages }))
}

fn reads_series(definition: &Definition) -> Result<bool> {
    match &definition.input {
        None => Ok(false),
        Some(Value::One(Scalar::Name(name))) if name == "series" => Ok(true),
        Some(_) => Err(Place::top("input").fault("can only be \"series\"; leave it out to take samples as they are")),
    }
}

/// What has been found so far.
#[derive(Default)]
struct Compiler {
    choices: Choices,
    options: Vec<Vec<Scalar>>,
    /// Choices of the group that is not ended yet.
    group: Vec<Choice>,
}

impl Compiler {
    fn end_group(&mut self) {
        if !self.group.is_empty() {
            self.choices.group(std::mem::take(&mut self.group));
        }
    }

    /// The choices of a table, by name; a single value is one that cannot be chosen.
    fn declared(&mut self, table: &BTreeMap<String, Value>, place: &Place, prefix: &str) -> Result<Scope> {
        let mut scope = Scope::new();
        for (name, value) in table {
            let place = place.key(name);
            if !is_identifier(name) || Operation::parse(name).is_some() || Kind::activation().knows(name) {
                return Err(
                    place.fault("is no name for a choice; take lower-case letters, digits and `_`, and no operation")
                );
            }
            let slot = match value {
                Value::One(scalar) => Slot::Fixed(scalar.clone()),
                Value::Several(list) => self.choice(list, None, &place, format!("{prefix}{name}"))?,
            };
            scope.insert(name.clone(), slot);
        }
        Ok(scope)
    }

    /// The blocks whose choices are made once.
    fn shared_blocks(&mut self, definition: &Definition, global: &Scope) -> Result<BTreeMap<String, Block>> {
        let mut shared = BTreeMap::new();
        for (name, block) in &definition.blocks {
            let place = Place::top("blocks").key(name);
            if !is_identifier(name) {
                return Err(place.fault("is no name for a block; take lower-case letters, digits and `_`"));
            }
            if block.shared {
                shared.insert(name.clone(), self.block(block, &place, name, global)?);
                self.end_group();
            }
        }
        Ok(shared)
    }

    fn stage(
        &mut self,
        definition: &Definition,
        stage: &written::Stage,
        index: usize,
        seen: &mut Scope,
        (global, shared): (&Scope, &BTreeMap<String, Block>),
    ) -> Result<Stage> {
        let place = Place::top("stages").index(index);
        let name = stage.name.clone().unwrap_or_else(|| format!("stage{}", index + 1));
        if !is_identifier(&name) || seen.contains_key(&format!("{name}.block")) {
            return Err(place
                .key("name")
                .fault("must be of lower-case letters, digits and `_`, and of no other stage"));
        }
        let when = self.conditions(stage.when.as_ref(), seen, &place)?;
        let mut read = |compiler: &mut Self, key: &str, value: Option<&Value>, kind: &Kind| {
            let Some(value) = value else { return Ok(None) };
            let slot = compiler.slot(value, kind, global, &place.key(key), &format!("{name}.{key}"))?;
            seen.insert(format!("{name}.{key}"), slot.clone());
            Ok(Some(slot))
        };
        let blocks = Kind::names(definition.blocks.keys().cloned());
        let block = read(self, "block", Some(&stage.block), &blocks)?;
        let repeat = read(self, "repeat", stage.repeat.as_ref(), &Kind::numbers(1, MOST))?;
        let width = read(self, "width", stage.width.as_ref(), &Kind::width())?;
        let stride = read(self, "stride", stage.stride.as_ref(), &Kind::numbers(1, 16))?;
        let one = || Slot::Fixed(Scalar::Number(1));
        let block = block.unwrap_or_else(one);
        let repeat = repeat.unwrap_or_else(one);
        let stride = stride.unwrap_or_else(one);
        let mut scope = global.clone();
        for (key, slot) in [("block", Some(&block)), ("repeat", Some(&repeat)), ("width", width.as_ref())] {
            scope.extend(slot.map(|slot| (key.to_owned(), slot.clone())));
        }
        let mut blocks = BTreeMap::new();
        let names: Vec<String> = self.values(&block).iter().map(Scalar::to_string).collect();
        for block in &names {
            let compiled = match (shared.get(block), definition.blocks.get(block)) {
                (Some(shared), _) => shared.clone(),
                (None, Some(own)) => {
                    let prefix = if names.len() > 1 { format!("{name}.{block}") } else { name.clone() };
                    self.block(own, &Place::top("blocks").key(block), &prefix, &scope)?
                }
                (None, None) => continue,
            };
            blocks.insert(block.clone(), compiled);
        }
        Ok(Stage { name, block, repeat, width, stride, when, blocks })
    }

    fn block(&mut self, block: &written::Block, place: &Place, prefix: &str, outer: &Scope) -> Result<Block> {
        let mut scope = outer.clone();
        scope.extend(self.declared(&block.choices, &place.key("choices"), &format!("{prefix}."))?);
        let body = match (&block.cell, block.layers.is_empty()) {
            (Some(cell), true) => Body::Cell(self.cell(cell, &place.key("cell"), prefix, &scope)?),
            (None, false) => {
                let layers = block.layers.iter().enumerate();
                let compile = |(at, layer): (usize, &written::Layer)| {
                    self.layer(layer, &place.key("layers").index(at), &format!("{prefix}.layer{}", at + 1), &scope)
                };
                Body::Layers(layers.map(compile).collect::<Result<_>>()?)
            }
            _ => return Err(place.fault("has to have either `layers` or a `cell`")),
        };
        Ok(Block { residual: block.residual, body: Arc::new(body) })
    }

    fn layer(&mut self, layer: &written::Layer, place: &Place, prefix: &str, scope: &Scope) -> Result<Layer> {
        let mut read = |key: &str, value: Option<&Value>, kind: Kind| {
            value.map(|v| self.slot(v, &kind, scope, &place.key(key), &format!("{prefix}.{key}"))).transpose()
        };
        let op = read("op", Some(&layer.op), Kind::operation())?;
        let is_patches = matches!(&layer.op, Value::One(Scalar::Name(name)) if name.starts_with("patches"));
        let kernel =
            read("kernel", layer.kernel.as_ref(), if is_patches { Kind::numbers(1, 63) } else { Kind::odd() })?;
        let compiled = Layer {
            op: op.unwrap_or(Slot::Fixed(Scalar::Number(0))),
            kernel,
            width: read("width", layer.width.as_ref(), Kind::width())?,
            expand: read("expand", layer.expand.as_ref(), Kind::numbers(1, MOST))?,
            dilation: read("dilation", layer.dilation.as_ref(), Kind::numbers(1, MOST))?,
            activation: read("activation", layer.activation.as_ref(), Kind::activation())?,
            heads: read("heads", layer.heads.as_ref(), Kind::numbers(1, 16))?,
            ratio: read("ratio", layer.ratio.as_ref(), Kind::numbers(0, MOST))?,
            when: self.conditions(layer.when.as_ref(), scope, place)?,
        };
        if compiled.width.is_some() && compiled.expand.is_some() {
            return Err(place.key("expand").fault("stands beside `width`; give one of them"));
        }
        Ok(Layer { activation: self.activation_of(compiled.activation, scope, place)?, ..compiled })
    }

    /// What a layer states, or else the choice or value that all share.
    fn activation_of(&self, stated: Option<Slot>, scope: &Scope, place: &Place) -> Result<Option<Slot>> {
        let common = scope.get(ACTIVATION).filter(|_| stated.is_none());
        if let Some(common) = common {
            self.check(common, &Kind::activation(), &place.key(ACTIVATION))?;
        }
        Ok(stated.or_else(|| common.cloned()))
    }

    fn cell(&mut self, cell: &written::Cell, place: &Place, prefix: &str, scope: &Scope) -> Result<Cell> {
        if !(1..=MOST_NODES).contains(&cell.nodes) {
            return Err(place.key("nodes").fault(format!("{} is not between 1 and {MOST_NODES}", cell.nodes)));
        }
        let operations: Vec<Scalar> = cell.operations.iter().cloned().map(Scalar::Name).collect();
        let mut edges = Vec::new();
        for to in 1..=cell.nodes {
            for from in 0..to {
                let name = format!("{prefix}.edge{from}_{to}");
                let slot = self.choice(&operations, Some(&Kind::cell_operation()), &place.key("operations"), name)?;
                edges.push((from, to, slot));
            }
        }
        let joins = match &cell.output {
            None => false,
            Some(Value::One(Scalar::Name(output))) if output == "last" || output == "join" => output == "join",
            Some(_) => return Err(place.key("output").fault("must be \"last\" or \"join\"")),
        };
        let activation = self.activation_of(None, scope, place)?;
        let activation = activation.unwrap_or_else(|| Slot::Fixed(Scalar::Name("relu".to_owned())));
        Ok(Cell { nodes: cell.nodes, edges, joins, activation })
    }

    fn conditions(&self, when: Option<&When>, scope: &Scope, place: &Place) -> Result<Vec<Condition>> {
        let place = place.key("when");
        let condition = |(name, value): (&String, &Value)| {
            let slot = scope.get(name).ok_or_else(|| {
                let known = scope.keys().cloned().collect();
                place.key(name).unknown(name, "is no choice that can be seen from here", known)
            })?;
            let allowed = match value {
                Value::One(scalar) => vec![scalar.clone()],
                Value::Several(list) => list.clone(),
            };
            let possible = self.values(slot);
            match allowed.iter().find(|value| !possible.contains(value)) {
                None => Ok(Condition { slot: slot.clone(), allowed }),
                Some(never) => {
                    let known = possible.iter().map(Scalar::to_string).collect();
                    Err(place.key(name).unknown(&never.to_string(), "is a value that it never has", known))
                }
            }
        };
        when.into_iter().flatten().map(condition).collect()
    }

    /// What stands in the file as a slot: a value, a choice that is named, or a new one.
    fn slot(&mut self, value: &Value, kind: &Kind, scope: &Scope, place: &Place, name: &str) -> Result<Slot> {
        match value {
            Value::One(Scalar::Name(reference)) if scope.contains_key(reference) => {
                self.check(&scope[reference], kind, place)?;
                Ok(scope[reference].clone())
            }
            Value::One(scalar) => {
                let slot = Slot::Fixed(scalar.clone());
                let fault = |mut fault: DefinitionFault| {
                    fault.known.extend(scope.keys().cloned());
                    fault
                };
                self.check(&slot, kind, place).map_err(fault)?;
                Ok(slot)
            }
            Value::Several(list) => self.choice(list, Some(kind), place, name.to_owned()),
        }
    }

    /// A new choice; of a list of one, that one.
    fn choice(&mut self, list: &[Scalar], kind: Option<&Kind>, place: &Place, name: String) -> Result<Slot> {
        if list.is_empty() || list.len() > MOST_OPTIONS {
            return Err(place.fault(format!("has {} options; 1 to {MOST_OPTIONS} are possible", list.len())));
        }
        for scalar in list {
            if let Some(kind) = kind {
                kind.check(scalar, place)?;
            } else if matches!(scalar, Scalar::Name(name) if !is_identifier(name)) {
                return Err(place.fault(format!("`{scalar}` is no name; take lower-case letters, digits and `_`")));
            }
        }
        let mut options = list.to_vec();
        let numbers: Vec<usize> = list.iter().filter_map(as_number).collect();
        match numbers.len() {
            0 => {}
            count if count == list.len() => options.sort(),
            _ => return Err(place.fault("mixes numbers and names")),
        }
        if let Some((twice, _)) = (1..options.len()).map(|i| (&options[i], &options[..i])).find(|(o, b)| b.contains(o))
        {
            return Err(place.fault(format!("has `{twice}` twice")));
        }
        if let [only] = options.as_slice() {
            return Ok(Slot::Fixed(only.clone()));
        }
        let short = name.rsplit('.').next().unwrap_or_default();
        let labels: Vec<String> = options
            .iter()
            .map(|option| match option {
                Scalar::Number(number) => format!("{short}{number}"),
                Scalar::Name(name) => name.clone(),
            })
            .collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let choice = if numbers.is_empty() { Choice::names(name, &labels) } else { numbers_of(&name, short, &options) };
        self.group.push(choice);
        self.options.push(options);
        Ok(Slot::Choice(self.options.len() - 1))
    }

    /// Every value that a slot may have.
    fn values<'s>(&'s self, slot: &'s Slot) -> &'s [Scalar] {
        match slot {
            Slot::Fixed(scalar) => std::slice::from_ref(scalar),
            Slot::Choice(at) => &self.options[*at],
        }
    }

    fn check(&self, slot: &Slot, kind: &Kind, place: &Place) -> Result<()> {
        self.values(slot).iter().try_for_each(|scalar| kind.check(scalar, place))
    }
}

fn numbers_of(name: &str, short: &str, options: &[Scalar]) -> Choice {
    let numbers: Vec<usize> = options.iter().filter_map(as_number).collect();
    Choice::numbers(name, short, &numbers)
}

fn as_number(scalar: &Scalar) -> Option<usize> {
    match scalar {
        Scalar::Number(number) => Some(*number),
        Scalar::Name(_) => None,
    }
}
