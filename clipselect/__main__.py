from clipselect.commands import main

main()
