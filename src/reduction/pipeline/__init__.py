"""The Reducer's data flow: from the input tree to splits, partials and the merged result."""
