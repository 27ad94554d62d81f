/* Sorts, filters and hides what the page already holds. It computes no figure and no rank. */
(function () {
  "use strict";
  var VERSION = "v1";
  var root = document.documentElement;

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }
  function make(tag, text, attributes) {
    var made = document.createElement(tag);
    if (text !== undefined) { made.textContent = text; }
    Object.keys(attributes || {}).forEach(function (name) { made.setAttribute(name, attributes[name]); });
    return made;
  }

  /* --- theme ------------------------------------------------------------- */
  function remembered() {
    try { return window.localStorage.getItem("lln-theme"); } catch (error) { return null; }
  }
  function remember(theme) {
    try { window.localStorage.setItem("lln-theme", theme); } catch (error) { /* a private window */ }
  }
  function startTheme() {
    var button = document.getElementById("theme");
    var dark = window.matchMedia("(prefers-color-scheme: dark)");
    var saved = remembered();
    if (saved === "dark" || saved === "light") { root.setAttribute("data-theme", saved); }
    function isDark() {
      var theme = root.getAttribute("data-theme");
      return theme ? theme === "dark" : dark.matches;
    }
    function show() { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", (isDark() ? "Light" : "Dark") + " colours"); }
    button.hidden = false;
    show();
    dark.addEventListener("change", show);
    button.addEventListener("click", function () {
      var theme = isDark() ? "light" : "dark";
      root.setAttribute("data-theme", theme);
      remember(theme);
      show();
    });
  }

  /* --- what differs from the page as it was written, in the address -------- */
  var state = {};
  function readState() {
    state = {};
    var parts = window.location.hash.slice(1).split(";");
    if (parts[0] !== VERSION) { return; }
    parts.slice(1).forEach(function (part) {
      var at = part.indexOf("=");
      if (at < 1) { return; }
      try { state[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (error) { /* not ours */ }
    });
  }
  function writeState(key, value) {
    if (value) { state[key] = value; } else { delete state[key]; }
    var parts = Object.keys(state).sort().map(function (name) { return name + "=" + encodeURIComponent(state[name]); });
    var hash = parts.length ? "#" + [VERSION].concat(parts).join(";") : "";
    window.history.replaceState(null, "", hash || window.location.href.split("#")[0]);
  }

  /* --- one board --------------------------------------------------------- */
  function Board(section) {
    var board = this;
    this.id = section.getAttribute("data-board");
    this.tools = section.querySelector(".tools");
    this.table = section.querySelector("table.standing");
    this.heads = all("thead th", this.table);
    this.names = this.heads.map(function (head) { return head.getAttribute("data-c"); });
    this.titles = this.heads.map(function (head) {
      return all(".unseen, .limits, [aria-hidden]", head).reduce(function (text, part) { return text.replace(part.textContent, ""); }, head.textContent).replace(/\s+/g, " ").trim();
    });
    this.bodies = all("tbody", this.table).map(function (body) {
      return { body: body, rows: all("tr:not(.divider)", body) };
    });
    this.by = section.querySelector(".by");
    this.find = section.querySelector(".find");
    this.verified = section.querySelector(".only-verified");
    this.said = section.querySelector(".said");
    this.choose = section.querySelector(".choose");
    this.heads.forEach(function (head, index) { board.addHead(head, index); });
    this.find.addEventListener("input", function () { board.changed(); });
    this.verified.addEventListener("change", function () { board.changed(); });
    this.by.addEventListener("change", function () { board.sortKey = board.by.value; board.changed(); });
    this.tools.hidden = false;
    this.restore();
  }
  Board.prototype.addHead = function (head, index) {
    var board = this, name = this.names[index];
    var button = make("button", undefined, { type: "button" });
    while (head.firstChild) { button.appendChild(head.firstChild); }
    head.appendChild(button);
    button.addEventListener("click", function () { board.toggle(index); });
    this.by.appendChild(make("option", this.titles[index], { value: index === 0 ? "" : name }));
    if (head.hasAttribute("data-keep")) { return; }
    var box = make("input", undefined, { type: "checkbox", value: name });
    var label = make("label");
    box.checked = true;
    label.appendChild(box);
    label.appendChild(document.createTextNode(this.titles[index]));
    this.choose.appendChild(label);
    box.addEventListener("change", function () { board.changed(); });
  };
  Board.prototype.toggle = function (index) {
    var name = this.names[index];
    if (this.sortKey === name) { this.sortKey = "-" + name; }
    else if (this.sortKey === "-" + name) { this.sortKey = ""; }
    else { this.sortKey = index === 0 ? (this.sortKey === "" ? "-" + name : "") : name; }
    this.changed();
  };
  Board.prototype.restore = function () {
    var hidden = (state["h." + this.id] || "").split(",");
    this.sortKey = state["s." + this.id] || "";
    if (this.names.indexOf(this.sortKey.replace(/^-/, "")) < 0) { this.sortKey = ""; }
    this.find.value = state["q." + this.id] || "";
    this.verified.checked = state["v." + this.id] === "1";
    all("input", this.choose).forEach(function (box) { box.checked = hidden.indexOf(box.value) < 0; });
    this.show();
  };
  Board.prototype.changed = function () {
    var hidden = all("input", this.choose).filter(function (box) { return !box.checked; }).map(function (box) { return box.value; });
    writeState("s." + this.id, this.sortKey);
    writeState("q." + this.id, this.find.value.trim());
    writeState("v." + this.id, this.verified.checked ? "1" : "");
    writeState("h." + this.id, hidden.join(","));
    this.show();
  };
  Board.prototype.show = function () {
    this.showSort();
    this.showRows();
    this.showColumns();
  };
  Board.prototype.showSort = function () {
    var turned = this.sortKey.charAt(0) === "-", name = this.sortKey.replace(/^-/, "");
    var index = name ? this.names.indexOf(name) : 0;
    var way = this.heads[index].getAttribute("data-w");
    if (turned) { way = way === "ascending" ? "descending" : "ascending"; }
    this.heads.forEach(function (head, at) {
      if (at === index) { head.setAttribute("aria-sort", way); } else { head.removeAttribute("aria-sort"); }
    });
    this.by.value = name;
    var compare = comparison(index, way === "ascending" ? 1 : -1);
    var asWritten = !this.sortKey;
    this.bodies.forEach(function (each) {
      var rows = each.rows.slice();
      if (!asWritten) { rows.sort(compare); }
      rows.forEach(function (row) { each.body.appendChild(row); });
    });
  };
  function comparison(index, sign) {
    return function (one, other) {
      var a = one.children[index].getAttribute("data-v"), b = other.children[index].getAttribute("data-v");
      if (a === "" || b === "") { return (a === "") - (b === ""); }
      if (a === b) { return 0; }
      var x = Number(a), y = Number(b);
      if (isNaN(x) || isNaN(y)) { return sign * (a < b ? -1 : 1); }
      return sign * (x - y);
    };
  }
  Board.prototype.showRows = function () {
    var words = this.find.value.trim().toLowerCase().split(/\s+/), only = this.verified.checked;
    var shown = 0, total = 0;
    this.bodies.forEach(function (each) {
      var here = 0;
      each.rows.forEach(function (row) {
        var text = row.querySelector("th").textContent.toLowerCase();
        var fits = words.every(function (word) { return text.indexOf(word) >= 0; }) && (!only || row.querySelector(".badge.verified"));
        row.hidden = !fits;
        here += fits ? 1 : 0;
      });
      each.body.hidden = here === 0;
      shown += here;
      total += each.rows.length;
    });
    this.said.textContent = shown === total ? "" : shown + " of " + total + " entries shown";
  };
  Board.prototype.showColumns = function () {
    var names = this.names, table = this.table;
    all("input", this.choose).forEach(function (box) {
      var index = names.indexOf(box.value);
      all("tr:not(.divider)", table).forEach(function (row) { row.children[index].hidden = !box.checked; });
    });
  };

  /* --- two entries side by side ------------------------------------------- */
  function startComparison() {
    var source = document.querySelector("script.comparison");
    if (!source) { return null; }
    var data = JSON.parse(source.textContent), names = {};
    var chooser = document.querySelector(".chooser"), target = document.querySelector(".compared");
    var first = chooser.querySelector(".first"), second = chooser.querySelector(".second");
    data.entries.forEach(function (entry) {
      names[entry[0]] = entry[1];
      [first, second].forEach(function (select) { select.appendChild(make("option", entry[1], { value: entry[0] })); });
    });
    function table(title, headers, rows) {
      var box = make("div", undefined, { "class": "scroll", role: "region", tabindex: "0", "aria-label": title });
      var made = make("table", undefined, { "class": "data" }), head = make("thead"), body = make("tbody"), line = make("tr");
      headers.forEach(function (header) { line.appendChild(make("th", header, { scope: "col" })); });
      head.appendChild(line);
      rows.forEach(function (row) {
        var tr = make("tr");
        row.forEach(function (cell, index) { tr.appendChild(index ? make("td", cell) : make("th", cell, { scope: "row" })); });
        body.appendChild(tr);
      });
      made.appendChild(head);
      made.appendChild(body);
      box.appendChild(made);
      target.appendChild(make("h2", title));
      target.appendChild(box);
    }
    function figures(task, a, b) {
      var left = task.cells[a], right = task.cells[b];
      if (!left && !right) { return; }
      table(task.title, ["Figure", names[a], names[b]], task.rows.map(function (row, index) {
        return [row].concat([left, right].map(function (cells) {
          if (!cells) { return "not entered"; }
          var cell = cells[index];
          return cell[1] ? cell[0] + " (" + cell[1] + ")" : cell[0];
        }));
      }).filter(function (row) { return row[1] !== "not given" || row[2] !== "not given"; }));
      var tests = task.pairs.filter(function (pair) {
        return (pair[0] === a && pair[1] === b) || (pair[0] === b && pair[1] === a);
      });
      if (!tests.length) { return; }
      target.appendChild(make("p", "Paired tests: " + names[tests[0][0]] + " minus " + names[tests[0][1]] + "."));
      table(task.title + ": paired tests", ["Figure", "Difference", "Interval", "Adjusted p", "Verdict"], tests.map(function (pair) { return pair.slice(2); }));
    }
    function show() {
      target.textContent = "";
      target.hidden = first.value === second.value;
      if (target.hidden) { return; }
      data.tasks.forEach(function (task) { figures(task, first.value, second.value); });
    }
    function changed() {
      writeState("a", first.value);
      writeState("b", second.value);
      show();
    }
    function restore() {
      first.value = names[state.a] ? state.a : data.entries[0][0];
      second.value = names[state.b] ? state.b : data.entries[1][0];
      var page = document.getElementById("compare");
      page.classList.toggle("shown", Boolean(state.a));
      show();
    }
    [first, second].forEach(function (select) { select.addEventListener("change", changed); });
    chooser.querySelector(".swap").addEventListener("click", function () {
      var value = first.value;
      first.value = second.value;
      second.value = value;
      changed();
    });
    chooser.hidden = false;
    restore();
    return restore;
  }

  /* a link into a closed part opens it */
  function openTarget() {
    var hash = window.location.hash.slice(1), found = hash ? document.getElementById(hash) : null;
    for (; found; found = found.parentElement) { if (found.tagName === "DETAILS") { found.open = true; } }
  }

  readState();
  startTheme();
  var boards = all("[data-board]").filter(function (section) { return section.querySelector("table.standing"); }).map(function (section) { return new Board(section); });
  var restoreComparison = startComparison();
  openTarget();
  window.addEventListener("hashchange", function () {
    readState();
    boards.forEach(function (board) { board.restore(); });
    if (restoreComparison) { restoreComparison(); }
    openTarget();
  });
})();
