//! How autodiff records the operations: each forward pass leaves what its backward pass needs.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend};

use super::{ChainCall, PoolCall, TrainingOps};
use crate::kernel::update::{AdamStep, SgdStep};

type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;

#[derive(Debug)]
struct ChainBackward;

#[derive(Debug, Clone)]
struct ChainState<T> {
    x: T,
    parameters: T,
    saved: T,
    statistics: T,
    call: Arc<ChainCall>,
}

impl<B: TrainingOps> Backward<B, 2> for ChainBackward {
    type State = ChainState<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let ChainState { x, parameters, saved, statistics, call } = ops.state;
        let [x_node, parameters_node] = ops.parents;
        let (dx, gradient) = B::chain_backward(x, parameters, saved, statistics, dy, call, x_node.is_some());
        if let Some(node) = x_node {
            grads.register::<B>(node.id, dx);
        }
        if let Some(node) = parameters_node {
            grads.register::<B>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct PoolBackward;

impl<B: TrainingOps> Backward<B, 1> for PoolBackward {
    type State = (FloatTensor<B>, Arc<PoolCall>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, call) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |dy| B::pool_backward(x, dy, call));
    }
}

#[derive(Debug)]
struct GlobalMeanBackward;

impl<B: TrainingOps> Backward<B, 1> for GlobalMeanBackward {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |dy| B::global_mean_backward(ops.state, dy));
    }
}

#[derive(Debug)]
struct GateBackward;

impl<B: TrainingOps> Backward<B, 2> for GateBackward {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<B>(&ops.node);
        let (x, factors) = ops.state;
        let (dx, gradient) = B::gate_backward(x, factors, dy);
        for (node, gradient) in ops.parents.into_iter().zip([dx, gradient]) {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl<B: TrainingOps> Backward<B, 1> for CrossEntropyBackward {
    type State = FloatTensor<B>;

    /// The forward pass has computed the gradient already. The loss is where the backward pass begins, so what comes in is 1 or
    /// a factor on the loss, one number.
    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        unary::<B, _>(ops.parents, ops.node, grads, |factor| {
            let dims = vec![1; burn::backend::TensorMetadata::rank(&ops.state)];
            B::float_mul(ops.state, B::float_reshape(factor, dims.into()))
        });
    }
}

fn constant<B: Backend, C: CheckpointStrategy>(tensor: FloatTensor<B>) -> Tracked<B, C> {
    <Autodiff<B, C> as AutodiffBackend>::from_inner(tensor)
}

impl<B: TrainingOps, C: CheckpointStrategy> TrainingOps for Autodiff<B, C> {
    fn chain_train(
        x: Tracked<B, C>,
        parameters: Tracked<B, C>,
        call: Arc<ChainCall>,
    ) -> (Tracked<B, C>, Tracked<B, C>, Tracked<B, C>) {
        let ((x, x_node), (parameters, parameters_node)) = (x.into_parts(), parameters.into_parts());
        let prepared = ChainBackward.prepare::<C>([x_node, parameters_node]).compute_bound().stateful();
        let (y, saved, statistics) = B::chain_train(x.clone(), parameters.clone(), call.clone());
        let seen = (constant::<B, C>(saved.clone()), constant::<B, C>(statistics.clone()));
        let y = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(ChainState { x, parameters, saved, statistics, call }, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        };
        (y, seen.0, seen.1)
    }

    fn chain_backward(
        x: Tracked<B, C>,
        parameters: Tracked<B, C>,
        saved: Tracked<B, C>,
        statistics: Tracked<B, C>,
        dy: Tracked<B, C>,
        call: Arc<ChainCall>,
        wants_x: bool,
    ) -> (Tracked<B, C>, Tracked<B, C>) {
        let [x, parameters, saved, statistics, dy] = [x, parameters, saved, statistics, dy].map(|t| t.into_primitive());
        let (dx, gradient) = B::chain_backward(x, parameters, saved, statistics, dy, call, wants_x);
        (constant::<B, C>(dx), constant::<B, C>(gradient))
    }

    fn chain_infer(
        x: Tracked<B, C>,
        parameters: Tracked<B, C>,
        statistics: Tracked<B, C>,
        call: Arc<ChainCall>,
    ) -> Tracked<B, C> {
        let [x, parameters, statistics] = [x, parameters, statistics].map(|t| t.into_primitive());
        constant::<B, C>(B::chain_infer(x, parameters, statistics, call))
    }

    fn pool(x: Tracked<B, C>, call: Arc<PoolCall>) -> Tracked<B, C> {
        let (x, node) = x.into_parts();
        let prepared = PoolBackward.prepare::<C>([node]).compute_bound().stateful();
        let y = B::pool(x.clone(), call.clone());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((x, call), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn pool_backward(x: Tracked<B, C>, dy: Tracked<B, C>, call: Arc<PoolCall>) -> Tracked<B, C> {
        constant::<B, C>(B::pool_backward(x.into_primitive(), dy.into_primitive(), call))
    }

    fn global_mean(x: Tracked<B, C>) -> Tracked<B, C> {
        let (x, node) = x.into_parts();
        let prepared = GlobalMeanBackward.prepare::<C>([node]).compute_bound().stateful();
        let y = B::global_mean(x.clone());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(x, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn global_mean_backward(x: Tracked<B, C>, dy: Tracked<B, C>) -> Tracked<B, C> {
        constant::<B, C>(B::global_mean_backward(x.into_primitive(), dy.into_primitive()))
    }

    fn gate(x: Tracked<B, C>, factors: Tracked<B, C>) -> Tracked<B, C> {
        let ((x, x_node), (factors, factors_node)) = (x.into_parts(), factors.into_parts());
        let prepared = GateBackward.prepare::<C>([x_node, factors_node]).compute_bound().stateful();
        let y = B::gate(x.clone(), factors.clone());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((x, factors), y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        }
    }

    fn gate_backward(x: Tracked<B, C>, factors: Tracked<B, C>, dy: Tracked<B, C>) -> (Tracked<B, C>, Tracked<B, C>) {
        let [x, factors, dy] = [x, factors, dy].map(|t| t.into_primitive());
        let (dx, gradient) = B::gate_backward(x, factors, dy);
        (constant::<B, C>(dx), constant::<B, C>(gradient))
    }

    fn cross_entropy(scores: Tracked<B, C>, labels: Arc<[u32]>, smoothing: f32) -> (Tracked<B, C>, Tracked<B, C>) {
        let (scores, node) = scores.into_parts();
        let prepared = CrossEntropyBackward.prepare::<C>([node]).compute_bound().stateful();
        let (loss, gradient) = B::cross_entropy(scores, labels, smoothing);
        let seen = constant::<B, C>(gradient.clone());
        let loss = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(gradient, loss),
            OpsKind::UnTracked(prepared) => prepared.finish(loss),
        };
        (loss, seen)
    }

    fn sgd_step(
        parameters: Tracked<B, C>,
        gradient: Tracked<B, C>,
        velocity: Tracked<B, C>,
        step: SgdStep,
        decayed: usize,
    ) -> (Tracked<B, C>, Tracked<B, C>) {
        let [w, g, v] = [parameters, gradient, velocity].map(|t| t.into_primitive());
        let (w, v) = B::sgd_step(w, g, v, step, decayed);
        (constant::<B, C>(w), constant::<B, C>(v))
    }

    fn adam_step(
        parameters: Tracked<B, C>,
        gradient: Tracked<B, C>,
        first: Tracked<B, C>,
        second: Tracked<B, C>,
        step: AdamStep,
        decayed: usize,
    ) -> (Tracked<B, C>, Tracked<B, C>, Tracked<B, C>) {
        let [w, g, m, v] = [parameters, gradient, first, second].map(|t| t.into_primitive());
        let (w, m, v) = B::adam_step(w, g, m, v, step, decayed);
        (constant::<B, C>(w), constant::<B, C>(m), constant::<B, C>(v))
    }

    fn blend(average: Tracked<B, C>, value: Tracked<B, C>, share: f32) -> Tracked<B, C> {
        constant::<B, C>(B::blend(average.into_primitive(), value.into_primitive(), share))
    }
}
