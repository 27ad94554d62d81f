"""Words by which a proposal recognises columns, cells and labels, in the languages of hospitals.

What is recognised is proposed, never taken: a person reads the proposal. A word is matched whole,
between anything that is no letter and no digit, without regard to case; Chinese words anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args, get_origin

from schema.cohort import ClinicalRow
from schema.label import Label
from schema.terms import NodeClass, Reader, Region, Side
from tasks.layout import MASK_TASKS
from tasks.specification import label_map

YES = r"yes|y|ja|j|oui|si|true|pos|positive?|positiv|\+|1|present|vorhanden|是|有|阳性"
NO = r"no|n|nein|non|false|neg|negative?|negativ|-|0|absent|keine?|none|否|无|阴性"
RIGHT = r"right|r|re|rechts?|rt|dext(?:er|ra)?|dx|droite?|右"
LEFT = r"left|l|li|links?|lt|sin(?:ister|istra)?|sx|gauche|左"
REGIONS: Mapping[Region, str] = {
    Region.EI: r"ei|ext(?:ernal|erna|ern)?|eia|inguinal\w*|髂外|腹股沟",
    Region.OB: r"ob|obt|obturator\w*|闭孔",
    Region.II: r"ii|int(?:ernal|erna|ern)?|iia|hypogastric\w*|髂内",
}
SIDES: Mapping[Side, str] = {Side.RIGHT: RIGHT, Side.LEFT: LEFT}
CLASSES: Mapping[NodeClass, str] = {
    NodeClass.POSITIVE: r"pos|positive?|positiv|malign\w*|metasta\w*|suspicious|suspekt|阳性",
    NodeClass.NEGATIVE: r"neg|negative?|negativ|benign\w*|normal|阴性",
}

HEADERS: Mapping[str, str] = {
    "centre": r"cent(?:re|er)|zentrum|klinik|hospital|site|institution|中心|医院",
    "age": r"age|alter|年龄",
    "sex": r"sex|gender|geschlecht|性别",
    "cea": r"cea|癌胚抗原",
    "location": r"location|tumou?r location|tumou?rhöhe|höhe|肿瘤位置",
    "mrT": r"mr ?t ?(?:stage|stadium)|t ?(?:stage|stadium)|T分期",
    "mrN": r"mr ?n|mr ?n ?(?:stage|stadium)|n ?(?:stage|stadium)|N分期",
    "mrTD": r"mr ?td|td|tumou?r deposits?|癌结节",
    "mrCRM": r"mr ?crm|crm|mrf|环周切缘",
    "mrEMVI": r"mr ?emvi|emvi|壁外血管侵犯",
    "pCR": r"pcr|complete response|病理完全缓解",
    "dfs": r"dfs|disease free survival|rezidivfrei\w*|krankheitsfrei\w*|无病生存",
    "os": r"os|overall survival|gesamtüberleben|总生存",
    "positive": r"lln|llnm|lymph ?nodes?|lateral nodes?|lk|lymphknoten|侧方淋巴结",
    "region": r"region|compartment|node region|kompartiment|区域",
    "side": r"side|seite|侧别",
    "short_axis_mm": r"short axis|short diameter|kurzachse|sad|短径",
}
"""Column of the kit to the names that hospitals give it."""
EVENT = (
    r"event|status|ereignis|recurrence|relapse|rezidiv|death|dead|died|tod|verstorben"
    r"|事件|复发|死亡"
)
UNITS: Mapping[str, str] = {
    "days": r"days?|d|tagen?|tage|天",
    "weeks": r"weeks?|wochen?|周",
    "months": r"months?|mo|monaten?|monate|月",
    "years": r"years?|y|yrs?|jahren?|jahre|年",
    "mm": r"mm|毫米",
    "cm": r"cm|厘米",
}
READERS: Mapping[Reader, str] = {
    Reader.R1: r"r ?1|reader ?1|befunder ?1|读片者1",
    Reader.R2: r"r ?2|reader ?2|befunder ?2|读片者2",
    Reader.R3: r"r ?3|reader ?3|befunder ?3|读片者3",
    Reader.CONSENSUS: r"consensus|konsens(?:us)?|reference|共识",
}
CELLS: Mapping[str, Mapping[str, str]] = {
    "sex": {
        "male": r"m|male|man|männlich|mann|h|homme|男",
        "female": r"f|w|female|woman|weiblich|frau|femme|女",
    },
    "cea": {
        "normal": r"normal|no|nein|0|正常",
        "abnormal": r"abnormal|elevated|high|erhöht|yes|ja|1|异常|升高",
    },
    "location": {
        "low": r"low|lower|tief|unteres?|低位",
        "middle": r"mid|middle|mittleres?|中位",
        "high": r"high|upper|hoch|oberes?|高位",
    },
    "region": {region.value: pattern for region, pattern in REGIONS.items()},
    "side": {side.value: pattern for side, pattern in SIDES.items()},
}
"""The kit's value to the cells that say it."""
BITS: Mapping[str, str] = {"1": YES, "0": NO}
COMPARTMENT_FILES = r"comp\w*|kompart\w*|region\w*|anatom\w*|分区"
NODE_FILES = r"nodes?|lns?|llns?|lymph\w*|lk|淋巴结"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    chinese: list[str] = []
    other: list[str] = []
    for word in re.split(r"\|(?![^(]*\))", pattern):
        (chinese if re.search(r"[\u4e00-\u9fff]", word) else other).append(word)
    whole = [rf"(?<![^\W_])(?:{'|'.join(other)})(?![^\W_])"] if other else []
    return re.compile("|".join(whole + chinese), re.IGNORECASE)


def says(text: str, pattern: str) -> bool:
    """Whether a text holds a word of a pattern."""
    return _compiled(pattern).search(text.replace("_", " ")) is not None


def is_word(text: str, pattern: str) -> bool:
    """Whether a text is a word of a pattern and nothing else."""
    return _compiled(pattern).fullmatch(text.strip().replace("_", " ")) is not None


def column_for(header: str) -> str | None:
    """The kit's column that a header names; None when none, or several.

    A reader's name, a unit and a word for an event are looked for beside it.
    """
    exact = [name for name in ClinicalRow.model_fields if name == header.strip()]
    if exact:
        return exact[0] if exact[0] != "case_id" else None
    found = [name for name, pattern in HEADERS.items() if says(header, pattern)]
    if len(found) != 1:
        return None
    (name,) = found
    if name in {"dfs", "os"}:
        return f"{name}_event" if says(header, EVENT) else f"{name}_months"
    return name


def reader_for(header: str) -> Reader | None:
    """The reader that a header names; None when none, or several."""
    found = [reader for reader, pattern in READERS.items() if says(header, pattern)]
    return found[0] if len(found) == 1 else None


def unit_for(header: str, *, among: Mapping[str, object]) -> str | None:
    """The unit that a header names; None when none, or several."""
    found = [unit for unit, pattern in UNITS.items() if unit in among and says(header, pattern)]
    return found[0] if len(found) == 1 else None


def allowed_values(column: str) -> tuple[str, ...]:
    """The values that a column of the kit may have, as text; empty for numbers and free text."""
    if column in CELLS and column in {"region", "side"}:
        return tuple(CELLS[column])
    if column == "positive":
        return tuple(sorted(BITS))
    for part in get_args(ClinicalRow.model_fields[column].annotation):
        if get_origin(part) is Literal:
            return tuple(str(value) for value in get_args(part))
        if part is not type(None) and get_args(part):
            return tuple(sorted(BITS))
    return ()


def value_for(cell: str, *, column: str) -> str | None:
    """The kit's value that a cell says; None when that is not clear."""
    allowed = allowed_values(column)
    if same := [value for value in allowed if value.casefold() == cell.strip().casefold()]:
        return same[0]
    words = CELLS.get(column) or (BITS if set(allowed) == set(BITS) else {})
    found = [value for value, pattern in words.items() if is_word(cell, pattern)]
    return found[0] if len(found) == 1 else None


def label_for(name: str) -> Label | None:
    """The label of the kit that a segment's name means; None when that is not clear."""
    labels = [label for task in MASK_TASKS for label in label_map(task).labels]
    plain = name.strip().casefold()
    if same := [each for each in labels if plain in {each.name, each.title.casefold()}]:
        return same[0]
    regions = [region for region, pattern in REGIONS.items() if says(name, pattern)]
    sides = [side for side, pattern in SIDES.items() if says(name, pattern)]
    classes = [kind for kind, pattern in CLASSES.items() if says(name, pattern)]
    found = [
        label
        for label in labels
        if (not classes and [label.region] == regions and [label.side] == sides)
        or (not regions and [label.node_class] == classes)
    ]
    return found[0] if len(found) == 1 else None
