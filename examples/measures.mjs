// Quality as examples work it out themselves, beside what millrace.metrics says.

/** The chance that a true one stands above a false one; equals count half. */
export function rocAuc(scores, labels) {
  const order = scores.map((score, n) => ({ score, label: labels[n] })).sort((a, b) => a.score - b.score);
  let [ranks, from] = [0, 0];
  while (from < order.length) {
    let to = from;
    while (to < order.length && order[to].score === order[from].score) to += 1;
    for (let n = from; n < to; n++) if (order[n].label) ranks += (from + to + 1) / 2;
    from = to;
  }
  const positive = labels.filter(Boolean).length;
  return (ranks - (positive * (positive + 1)) / 2) / (positive * (labels.length - positive));
}

/** In the mean, natural logarithm; scores of at least 1e-15. */
export function logLoss(scores, labels) {
  const losses = scores.map((score, n) => -Math.log(Math.max(1e-15, labels[n] ? score : 1 - score)));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
