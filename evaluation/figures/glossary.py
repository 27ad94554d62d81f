"""Words of the summary that a reader may want explained, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Term(NamedTuple):
    """A word and what it means; the report shows it where the word is selected."""

    title: str
    words: str


GLOSSARY: Mapping[str, Term] = {
    "interval": Term(
        "Confidence interval",
        "The range of true values with which the cohort is compatible: over many such cohorts, 95 "
        "of 100 such ranges hold the true value. A wide one means few patients.",
    ),
    "sensitivity": Term(
        "Sensitivity",
        "Of the patients who are positive by the consensus, the share that the model calls "
        "positive. It does not depend on how many patients are positive.",
    ),
    "specificity": Term(
        "Specificity",
        "Of the patients who are negative by the consensus, the share that the model calls "
        "negative.",
    ),
    "ppv": Term(
        "Positive predictive value",
        "Of the patients whom the model calls positive, the share that is. It falls where fewer "
        "patients are positive than in this cohort.",
    ),
    "npv": Term(
        "Negative predictive value",
        "Of the patients whom the model calls negative, the share that is. It is high wherever few "
        "patients are positive, whatever the model does.",
    ),
    "balanced-accuracy": Term(
        "Balanced accuracy", "The mean of sensitivity and specificity: both classes count the same."
    ),
    "auroc": Term(
        "AUROC",
        "Area under the ROC curve: how often a positive patient gets a higher probability than a "
        "negative one. 0.5 is chance, 1 is perfect.",
    ),
    "kappa": Term(
        "Kappa",
        "Agreement of two raters beyond that expected by chance: 0 is chance, 1 is perfect. Landis "
        "and Koch's words: above 0.4 moderate, above 0.6 substantial, above 0.8 almost perfect.",
    ),
    "hazard-ratio": Term(
        "Hazard ratio",
        "How many times as high the risk of the event is at any time in the first group as in the "
        "second. 1: no difference; 2: twice the risk. It is not the ratio of the shares that "
        "survive.",
    ),
    "c-index": Term(
        "C-index",
        "Of two patients, how often the one with the higher risk has the event first. 0.5 is "
        "chance, 1 is perfect.",
    ),
    "dice": Term(
        "Dice",
        "Overlap of two outlines: twice the common volume over the sum of both. 0 is none, 1 "
        "(100 %) is perfect.",
    ),
}
