extension Graph {
  /// Every operation that may stand in a file, by name.
  ///
  /// Adding an operation is a file in `Operations/` and a line here, or in the list below it.
  public static let operations: [String: any Operation.Type] = table([
    Activation.self, Add.self, AveragePool2D.self, BatchNorm.self, Conv2D.self, Dense.self,
    Dropout.self, Input.self, MaxPool2D.self, ParameterRead.self, Quantize.self, Rescale.self,
    Reshape.self, Softmax.self,
    BroadcastTo.self, Binary.self, Cast.self, Clip.self, Compare.self, Concat.self, Constant.self,
    Gather.self, LogSoftmax.self, MatMul.self, OneHot.self, Pad.self, Reduce.self,
    RowProduct.self, Slice.self, Transpose.self, Unary.self, Where.self,
    Attention.self, Embedding.self, GRU.self, LSTM.self, SimpleRNN.self,
    Conv2DTranspose.self, GaussianNoise.self, PReLU.self, SampleNorm.self, SpatialDropout.self,
    Standardize.self, UpSample2D.self,
    DynamicQuantize.self,
    Masked.self,
    CumulativeSum.self, ExtremePosition.self, Flip.self, Sort.self,
  ])

  /// The operations that only training graphs and compiled graphs have.
  public static let internalOperations: [String: any Operation.Type] = table([
    ActivationGradient.self, AllReduce.self, ApplyMask.self, AveragePool2DGradient.self,
    BatchMean.self, BatchMeanGradient.self, BatchNormInputGradient.self, BatchNormSums.self,
    BatchNormTraining.self, BatchStatistics.self, CodebookGradient.self, CodebookLookup.self,
    Conv2DInputGradient.self, Conv2DWeightGradient.self, CrossEntropy.self,
    DenseInputGradient.self, DenseWeightGradient.self, DistillationLoss.self, FromBytes.self,
    IntegerLayer.self, LogProbabilities.self, LogProbabilitiesGradient.self,
    MaxPool2DGradient.self, MovingAverage.self, Ones.self, QuantizeGradient.self,
    QuantizeWeights.self, QuantizeWeightsGradient.self, ScaleRows.self, SoftmaxGradient.self,
    SquaredError.self, ToBytes.self,
    DivideByBatch.self, ScatterAdd.self, ShardShare.self,
    AttentionGradient.self, EmbeddingGradient.self, RecurrentGradient.self,
    ClassWeights.self, CountHits.self, Logits.self, LogitsGradient.self, SoftTargets.self,
    TargetLoss.self, WeighSamples.self,
    CausalMask.self, MaxPool2DSelection.self, PutAlong.self, TakeAlong.self,
    ExactLayer.self, RoundToGrid.self, LearnedRange.self, LearnedRangeGradient.self,
    CodeEntropy.self, CodeEntropyGradient.self,
    RelationGradient.self, RelationLoss.self,
    JoinBatch.self, SplitBatch.self,
    ChannelSums.self, PReLUGradient.self, SampleNormGradient.self, UpSample2DGradient.self,
  ])

  private static func table(_ types: [any Operation.Type]) -> [String: any Operation.Type] {
    Dictionary(types.map { ($0.name, $0) }) { first, _ in first }
  }
}
