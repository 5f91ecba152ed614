# Completion of prodia-compose for PowerShell; `prodia-compose completion powershell` prints it.

Register-ArgumentCompleter -Native -CommandName prodia-compose -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $before = @()
    $current = ''
    $after = @()
    foreach ($element in $commandAst.CommandElements) {
        $text = $element.Extent.Text
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $text = $element.Value
        }
        if ($element.Extent.EndOffset -lt $cursorPosition) {
            $before += $text
        } elseif ($element.Extent.StartOffset -ge $cursorPosition) {
            $after += $text
        } elseif ($element.Extent.EndOffset -eq $cursorPosition) {
            $current = $text
        } else {
            $current = $element.Extent.Text.Substring(0, $cursorPosition - $element.Extent.StartOffset)
        }
    }

    $program = $before[0]
    if (-not (Get-Command $program -CommandType Application -ErrorAction Ignore)) {
        $program = 'prodia-compose'
    }
    $line = @($before)
    if ($current) {
        $line += @($current) + $after # an empty word would get lost on the way
    }
    $kind, $found = & $program __complete powershell $before.Count @line 2> $null
    $kind, $start, $suffixes = "$kind".Split(' ')

    if ($kind -eq 'words') {
        foreach ($entry in $found) {
            $word, $about = $entry.Split("`t", 2)
            if ($word.StartsWith($current, [StringComparison]::Ordinal)) {
                if (-not $about) { $about = $word }
                [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
            }
        }
    } elseif ($kind) {
        $kept = $current.Substring(0, $start)
        $path = $current.Substring($start)
        foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($path)) {
            $suffix = [System.IO.Path]::GetExtension($file.ListItemText).TrimStart('.')
            $isWanted = $kind -eq 'files' -and (-not $suffixes -or $suffixes -contains $suffix)
            $isWanted = $isWanted -or ($kind -eq 'others' -and $suffixes -notcontains $suffix)
            if ($isWanted -or $file.ResultType -eq 'ProviderContainer') {
                [System.Management.Automation.CompletionResult]::new(
                    $kept + $file.CompletionText, $file.ListItemText, $file.ResultType, $file.ToolTip)
            }
        }
    }
}
