//! Attention and what comes with it, on tokens `[positions, features]`, and the ways from feature maps to tokens and back.
//!
//! The factor `1 / sqrt(features of a head)` before the softmax is left to the weights that make the queries, as in T5 (Raffel
//! et al. 2020): the function is the same.

use edgefit_graph::op::{
    Activation, Add, Conv, Dense, Flatten, GlobalAvgPool, LayerNorm, MatMul, Op, Reshape, Softmax, Transpose,
};
use edgefit_graph::{AutoPad, Graph, GraphError, NodeId, Shape, Window};

use super::Layers;

/// Most positions that attention looks at; larger maps are shrunk for it, as in PVT (Wang et al. 2021).
const MOST_KEYS: usize = 256;

/// Attention of several heads (Vaswani et al. 2017).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) heads: usize,
    /// Features of each head.
    pub(crate) head_width: usize,
}

/// Two dense layers with a nonlinearity between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mlp {
    /// By which factor the first widens.
    pub(crate) ratio: usize,
    pub(crate) activation: Activation,
}

impl Layers {
    /// Patches of this extent side by side, each as one position of `width` features (Dosovitskiy et al. 2021).
    pub(crate) fn patches(&mut self, name: &str, extent: usize, width: usize) -> Result<(), GraphError> {
        let window = self.tiles(extent);
        self.append(name.to_owned(), Op::Conv(Conv { out_channels: width, window, groups: 1, bias: true }))
    }

    /// Adds to each position what a depthwise convolution sees around it, which tells positions apart by the border's zeros
    /// and works for any resolution (Chu et al. 2021).
    pub(crate) fn positions(&mut self, name: &str) -> Result<(), GraphError> {
        let (from, width) = (self.at, self.channels());
        let window = Window::new(self.axes, 3, 1, AutoPad::Same);
        self.append(name.to_owned(), Op::Conv(Conv { out_channels: width, window, groups: width, bias: true }))?;
        self.add(&format!("{name}.add"), from)
    }

    /// From a feature map to tokens.
    pub(crate) fn join_positions(&mut self, name: &str) -> Result<(), GraphError> {
        if self.spatial().len() > 1 {
            let shape = Shape::new([self.channels(), self.spatial().iter().product()]);
            self.append(format!("{name}.join"), Op::Reshape(Reshape { shape }))?;
        }
        self.transpose(format!("{name}.tokens"), &[1, 0])
    }

    /// From tokens to a feature map of this many positions along each axis.
    pub(crate) fn split_positions(&mut self, name: &str, spatial: &[usize]) -> Result<(), GraphError> {
        self.transpose(format!("{name}.channels"), &[1, 0])?;
        if spatial.len() > 1 {
            let shape = Shape::new([&[self.channels()], spatial].concat());
            self.append(format!("{name}.split"), Op::Reshape(Reshape { shape }))?;
        }
        Ok(())
    }

    /// A transformer's layer on tokens, normalized first (Xiong et al. 2020): attention, then an MLP, each added to its input.
    pub(crate) fn transformer_layer(&mut self, name: &str, attention: Attention, mlp: Mlp) -> Result<(), GraphError> {
        let from = self.at;
        self.layer_norm(format!("{name}.norm1"))?;
        let normed = self.at;
        self.attend(name, normed, normed, attention, from)?;
        let (from, width) = (self.at, self.token_width());
        self.layer_norm(format!("{name}.norm2"))?;
        self.dense(format!("{name}.mlp1"), width * mlp.ratio)?;
        self.activation(&format!("{name}.mlp1"), mlp.activation)?;
        self.dense(format!("{name}.mlp2"), width)?;
        self.add(&format!("{name}.mlp.add"), from)
    }

    /// Attention on a feature map, added to it. The keys are those of a shrunk map where it has many positions.
    pub(crate) fn map_attention(&mut self, name: &str, attention: Attention) -> Result<(), GraphError> {
        let (map, spatial) = (self.at, self.spatial().to_vec());
        let mut factor = 1;
        while spatial.iter().map(|positions| positions.div_ceil(factor)).product::<usize>() > MOST_KEYS {
            factor *= 2;
        }
        let keys = if factor > 1 {
            self.shrink(&format!("{name}.shrink"), factor)?;
            self.join_positions(&format!("{name}.keys"))?;
            self.layer_norm(format!("{name}.keys.norm"))?;
            Some(self.at)
        } else {
            None
        };
        self.go_to(map);
        self.join_positions(name)?;
        let from = self.at;
        self.layer_norm(format!("{name}.norm"))?;
        let queries = self.at;
        self.attend(name, queries, keys.unwrap_or(queries), attention, from)?;
        self.split_positions(name, &spatial)
    }

    /// The mean over all tokens, normalized, and one logit a class; the finished network.
    pub(crate) fn classify_tokens(mut self, classes: usize) -> Result<Graph, GraphError> {
        self.layer_norm("head.norm".to_owned())?;
        self.transpose("head.channels".to_owned(), &[1, 0])?;
        self.append("head.pool".into(), Op::GlobalAvgPool(GlobalAvgPool))?;
        self.append("head.flatten".into(), Op::Flatten(Flatten))?;
        self.dense("head.classifier".into(), classes)?;
        self.builder.finish(&[self.at])
    }

    /// What each query finds among the keys, back at the width of `from` and added to it. All are tokens.
    fn attend(
        &mut self,
        name: &str,
        queries: NodeId,
        keys: NodeId,
        attention: Attention,
        from: NodeId,
    ) -> Result<(), GraphError> {
        let part = |part: &str| format!("{name}.{part}");
        let q = self.heads(part("query"), queries, attention, &[1, 0, 2])?;
        let k = self.heads(part("key"), keys, attention, &[1, 2, 0])?;
        let v = self.heads(part("value"), keys, attention, &[1, 0, 2])?;
        self.at = self.builder.add(part("scores"), Op::MatMul(MatMul), &[q, k])?;
        self.append(part("shares"), Op::Softmax(Softmax { axis: 2 }))?;
        self.at = self.builder.add(part("found"), Op::MatMul(MatMul), &[self.at, v])?;
        self.transpose(part("merge"), &[1, 0, 2])?;
        let tokens = self.builder.shape(queries).channels();
        let shape = Shape::new([tokens, attention.heads * attention.head_width]);
        self.append(part("joined"), Op::Reshape(Reshape { shape }))?;
        let width = self.builder.shape(from).last();
        self.dense(part("output"), width)?;
        self.at = self.builder.add(part("add"), Op::Add(Add), &[from, self.at])?;
        Ok(())
    }

    /// Tokens through a dense layer, `[tokens, heads, features]`, in another order.
    fn heads(&mut self, name: String, of: NodeId, attention: Attention, order: &[usize]) -> Result<NodeId, GraphError> {
        self.at = of;
        let tokens = self.builder.shape(of).channels();
        self.dense(name.clone(), attention.heads * attention.head_width)?;
        let shape = Shape::new([tokens, attention.heads, attention.head_width]);
        self.append(format!("{name}.split"), Op::Reshape(Reshape { shape }))?;
        self.transpose(format!("{name}.heads"), order)?;
        Ok(self.at)
    }

    fn token_width(&self) -> usize {
        self.builder.shape(self.at).last()
    }

    fn layer_norm(&mut self, name: String) -> Result<(), GraphError> {
        self.append(name, Op::LayerNorm(LayerNorm::default()))
    }

    fn dense(&mut self, name: String, out_features: usize) -> Result<(), GraphError> {
        self.append(name, Op::Dense(Dense { out_features, bias: true }))
    }

    fn transpose(&mut self, name: String, order: &[usize]) -> Result<(), GraphError> {
        self.append(name, Op::Transpose(Transpose { permutation: order.to_vec() }))
    }
}
